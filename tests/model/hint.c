/* Model of "The hint" in docs/slot_ring.md for GenMC (RC11). Sample 1 was taken; its header names slot A for
 * sample 2. The publisher puts 2 there, or (-DELSEWHERE) into slot B, and says so at A (P0); then sample 3 into
 * the other one. The subscriber looks at A alone. If it knows that 2 was published, A must not let it believe
 * that 2 is yet to come. Each of these must FAIL with -DELSEWHERE: -DBREAK_P0 (not said), -DBREAK_P0_LATE (said
 * after P3); and -DBREAK_GONE (a slot that is free again says 0, as if it had never held a sample). */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#define GONE 1024
enum { A, B, SLOTS };

static atomic_int head = 1, seq[SLOTS];

static void say_gone(int s, int n)
{
#ifdef BREAK_GONE
	atomic_store_explicit(&seq[s], 0, memory_order_relaxed);
#else
	atomic_store_explicit(&seq[s], GONE | n, memory_order_relaxed);
#endif
}

static void *publisher(void *arg)
{
#ifdef ELSEWHERE
	int second = B, third = A;
#if !defined(BREAK_P0) && !defined(BREAK_P0_LATE)
	atomic_store_explicit(&seq[A], GONE | 2, memory_order_release);   /* P0 */
#endif
#else
	int second = A, third = B;
#endif
	atomic_store_explicit(&seq[second], 2, memory_order_release);     /* P1 */
	atomic_store_explicit(&head, 2, memory_order_seq_cst);            /* P3 */
#if defined(ELSEWHERE) && defined(BREAK_P0_LATE)
	atomic_store_explicit(&seq[A], GONE | 2, memory_order_release);
#endif
	atomic_store_explicit(&seq[third], 3, memory_order_release);
	atomic_store_explicit(&head, 3, memory_order_seq_cst);
	say_gone(second, 2); /* Evicted, as early as a ring of depth 1 does it. */
	atomic_store_explicit(&seq[second], atomic_load_explicit(&seq[second], memory_order_relaxed),
			      memory_order_seq_cst);                      /* R1 */
	return 0;
}

static void *subscriber(void *arg)
{
	int known = atomic_load_explicit(&head, memory_order_acquire);    /* as a Wait that returned */
	int there = atomic_load_explicit(&seq[A], memory_order_acquire);  /* T1, at the hinted slot */
	int yet_to_come = (there & ~GONE) < 2;
	if (known >= 2) assert(!yet_to_come);
	return 0;
}

int main(void)
{
	pthread_t p, s;
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&s, 0, subscriber, 0);
	pthread_join(p, 0);
	pthread_join(s, 0);
	return 0;
}
