/* Model of steps B1, B2, C1 and C2 of docs/slot_ring.md: a reliable topic of depth 1 and one subscriber, who takes
 * the oldest each time. Nothing it has not taken is overwritten; no wake-up of the publisher is lost.
 * The kernel's futex: the comparison and the lying down are one step under a lock, and so is the waking (futex(2)).
 * -DSLEEP: the publisher sleeps until there is room; else it publishes only while there is.
 * -DJOIN: the subscriber joins while the publisher runs.
 * Must FAIL: -DBREAK_C1 (release) and -DBREAK_B1 (release), -DBREAK_B2 (acquire), -DBREAK_C2 (acquire), each with
 * -DSLEEP; -DBREAK_ORDER (the cursor is told before the sample is taken); -DBREAK_LIMIT (one sample too many);
 * -DBREAK_STEP with -DSLEEP -DDEPTH=2 -DSAMPLES=4 (wakes with the first step, whatever is needed); with -DJOIN:
 * -DBREAK_J1 (page entered with release), -DBREAK_START (the subscriber starts at a head that was read before the
 * page was entered), and with -DDEPTH=2 -DBREAK_KEEP (a limit goes further than depth samples beyond where the
 * publisher was when it looked at the table). */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#ifndef DEPTH
#define DEPTH 1
#endif
#ifndef SAMPLES
#define SAMPLES 3
#endif
#ifdef BREAK_C1
#define MO_C1 memory_order_release
#else
#define MO_C1 memory_order_seq_cst
#endif
#ifdef BREAK_C2
#define MO_C2 memory_order_acquire
#else
#define MO_C2 memory_order_seq_cst
#endif
#ifdef BREAK_B1
#define MO_B1 memory_order_release
#else
#define MO_B1 memory_order_seq_cst
#endif
#ifdef BREAK_B2
#define MO_B2 memory_order_acquire
#else
#define MO_B2 memory_order_seq_cst
#endif
#ifdef BREAK_J1
#define MO_J1 memory_order_release
#else
#define MO_J1 memory_order_seq_cst
#endif
static atomic_int head, ring[DEPTH]; /* what the ring holds: a sample's number, in place of a slot with it */
static atomic_int cursor, waiting;
static atomic_int page; /* table entry: the start + 1, which is the publisher's lower bound */
static pthread_mutex_t bucket = PTHREAD_MUTEX_INITIALIZER;
static int asleep, slept_on; /* under the lock */

static int seen; /* the cursor at B2, which is what the publisher tells the kernel */

/* B2: the slowest subscriber's cursor, as the publisher at `n` may believe it. */
static int slowest(int n)
{
	int entry = atomic_load_explicit(&page, memory_order_seq_cst);
	if (entry == 0) return n;
	int c = seen = atomic_load_explicit(&cursor, MO_B2);
	if (c < entry - 1) c = entry - 1;
	return c < n ? c : n;
}

/* C1 to C3: wakes with the step that reaches the cursor needed, and with no other. */
static void report(int before, int now)
{
	atomic_store_explicit(&cursor, now, MO_C1);                               /* C1 */
	int needed = atomic_load_explicit(&waiting, MO_C2);                       /* C2 */
#ifdef BREAK_STEP
	if (before != 0 || needed == 0) return;
#else
	if (!(before < needed && needed <= now)) return;
#endif
	pthread_mutex_lock(&bucket);                                              /* C3 */
	asleep = 0;
	pthread_mutex_unlock(&bucket);
}

static void *publisher(void *a)
{
	int limit = 0;
	for (int n = 1; n <= SAMPLES; n++) {
		if (n > limit) {
			limit = slowest(n - 1) + DEPTH;
#ifdef BREAK_LIMIT
			limit++;
#endif
		}
#ifdef BREAK_KEEP
		else limit++;
#endif
		if (n > limit) {
#ifdef SLEEP
			int needed = n - DEPTH;
			atomic_store_explicit(&waiting, needed, MO_B1);         /* B1 */
			int taken = slowest(n - 1);                             /* B2 */
			if (taken < needed) {
				pthread_mutex_lock(&bucket);
				if (atomic_load_explicit(&cursor, memory_order_acquire) == seen) {
					asleep = 1;
					slept_on = needed;
				}
				pthread_mutex_unlock(&bucket);
				return 0; /* What comes after a sleep is as before it. */
			}
			atomic_store_explicit(&waiting, 0, MO_B1);
			limit = taken + DEPTH;
#else
			return 0;
#endif
		}
		atomic_store_explicit(&ring[n % DEPTH], n, memory_order_release); /* P1, P2 */
		atomic_store_explicit(&head, n, memory_order_seq_cst);            /* P3 */
	}
	return 0;
}

static void *subscriber(void *a)
{
	int last = 0;
#ifdef JOIN
#ifdef BREAK_START
	last = atomic_load_explicit(&head, memory_order_seq_cst);
	atomic_store_explicit(&page, last + 1, MO_J1);
#else
	int bound = atomic_load_explicit(&head, memory_order_seq_cst);
	atomic_store_explicit(&page, bound + 1, MO_J1);                           /* J1 */
	last = atomic_load_explicit(&head, memory_order_seq_cst);
	if (last > 0) report(0, last);
#endif
#endif
	for (int k = 0; k < SAMPLES; k++) {
		int n = last + 1;
		if (atomic_load_explicit(&head, memory_order_acquire) < n) continue; /* T1 */
#ifdef BREAK_ORDER
		report(last, n);
#endif
		assert(atomic_load_explicit(&ring[n % DEPTH], memory_order_acquire) == n); /* T2 to T4 */
#ifndef BREAK_ORDER
		report(last, n);
#endif
		last = n;
	}
	return 0;
}

int main(void)
{
	pthread_t p, s;
#ifndef JOIN
	atomic_store_explicit(&page, 1, memory_order_seq_cst);
#endif
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&s, 0, subscriber, 0);
	pthread_join(p, 0);
	pthread_join(s, 0);
#ifdef SLEEP
	assert(!(asleep && slept_on <= atomic_load(&cursor))); /* asleep with room, and nobody will wake it */
#endif
	return 0;
}
