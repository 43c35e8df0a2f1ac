/* Model of sleeping on futexes: no lost wake-up, though a wake-up is forgotten if nobody sleeps yet.
 * The kernel goes through the sleeper's two words in order (futex_waitv(2)): to the armed word it adds the sleeper,
 * under the lock that wakers of that word take; then it compares head, and takes the sleeper away again if it has
 * changed. -DBREAK_S1, -DBREAK_S2 (the comparison of head), -DBREAK_P3, -DBREAK_P4 must FAIL; so must -DBREAK_KNOWN,
 * where the publisher counts a wake-up for a sample that the sleeper knows already as the one for its sleep, and
 * -DBREAK_ORDER, where head is compared first. S2 of the code, before the system call, only spares that call. */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#ifdef BREAK_S1
#define MO_S1 memory_order_release
#else
#define MO_S1 memory_order_seq_cst
#endif
#ifdef BREAK_P4
#define MO_P4 memory_order_acquire
#else
#define MO_P4 memory_order_seq_cst
#endif
#ifdef BREAK_S2
#define MO_S2 memory_order_acquire
#else
#define MO_S2 memory_order_seq_cst /* the kernel has full barriers there */
#endif
#ifdef BREAK_P3
#define MO_P3 memory_order_release
#else
#define MO_P3 memory_order_seq_cst
#endif
#define SAMPLES 2
static atomic_int head, armed; /* armed: 0, or the known sample + 1 */
static pthread_mutex_t bucket = PTHREAD_MUTEX_INITIALIZER;
static int asleep; /* under the lock */
static int slept_on;

static void *publisher(void *a)
{
	int answered = 0;
	for (int n = 1; n <= SAMPLES; n++) {
		atomic_store_explicit(&head, n, MO_P3);
		int word = atomic_load_explicit(&armed, MO_P4);
		if (word == answered) continue;
#ifndef BREAK_KNOWN
		if (word == n + 1) continue; /* it knows n */
#endif
		answered = word;
		if (word == 0) continue;
		pthread_mutex_lock(&bucket);
		asleep = 0;
		pthread_mutex_unlock(&bucket);
	}
	return 0;
}

static void *subscriber(void *a)
{
	/* T1: sample `known` is taken, or there is none. */
	int known = atomic_load_explicit(&head, memory_order_acquire);
	atomic_store_explicit(&armed, known + 1, MO_S1);
#ifdef BREAK_ORDER
	if (atomic_load_explicit(&head, MO_S2) != known) return 0;
#endif
	pthread_mutex_lock(&bucket);
	asleep = 1;
	slept_on = known;
	pthread_mutex_unlock(&bucket);
#ifndef BREAK_ORDER
	if (atomic_load_explicit(&head, MO_S2) != known) {
		pthread_mutex_lock(&bucket);
		asleep = 0;
		pthread_mutex_unlock(&bucket);
	}
#endif
	return 0;
}

int main(void)
{
	pthread_t p, s;
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&s, 0, subscriber, 0);
	pthread_join(p, 0);
	pthread_join(s, 0);
	assert(!(asleep && slept_on < SAMPLES)); /* asleep with samples to take, and nobody will wake it */
	return 0;
}
