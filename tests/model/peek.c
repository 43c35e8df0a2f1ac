/* Model of RingReader::PeekPublishTime (docs/slot_ring.md, "Merging publishers"): the time of sample n, read
 * without a pin, is that of sample n or none. The time of sample n is 10 * n.
 * Must FAIL: -DBREAK_TIME (new time stored relaxed), -DBREAK_R1 (sequence not zeroed before reuse). */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#ifdef BREAK_TIME
#define MO_TIME memory_order_relaxed
#else
#define MO_TIME memory_order_release
#endif
static atomic_int head, sequence, time_of; /* one slot, depth 1: sample n replaces n - 1 */

static void *publisher(void *arg)
{
	for (int n = 1; n <= 3; n++) {
#ifndef BREAK_R1
		if (n > 1) atomic_store_explicit(&sequence, 0, memory_order_seq_cst); /* R1 */
#endif
		atomic_store_explicit(&time_of, 10 * n, MO_TIME);
		atomic_store_explicit(&sequence, n, memory_order_release);            /* P1 */
		atomic_store_explicit(&head, n, memory_order_seq_cst);                /* P3 */
	}
	return 0;
}

static void *subscriber(void *arg)
{
	int n = atomic_load_explicit(&head, memory_order_acquire);                    /* T1 */
	if (n == 0) return 0;
	int time = atomic_load_explicit(&time_of, memory_order_acquire);
	if (atomic_load_explicit(&sequence, memory_order_acquire) == n) assert(time == 10 * n);
	return 0;
}

int main(void)
{
	pthread_t p, s;
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&s, 0, subscriber, 0);
	return 0;
}
