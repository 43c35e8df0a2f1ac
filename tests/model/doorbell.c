/* Model of the sleep/wake steps of docs/slot_ring.md: no lost wake-up. A bell that is rung sets `bell`.
 * -DBREAK_S1, -DBREAK_S2, -DBREAK_P3 and -DBREAK_P4 must FAIL. */
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
#define MO_S2 memory_order_seq_cst
#endif
#ifdef BREAK_P3
#define MO_P3 memory_order_release
#else
#define MO_P3 memory_order_seq_cst
#endif
static atomic_int head, armed, bell, slept;
static void *publisher(void *a)
{
	for (int n = 1; n <= 2; n++) {
		atomic_store_explicit(&head, n, MO_P3);
		if (atomic_load_explicit(&armed, MO_P4)) atomic_store(&bell, 1);
	}
	return 0;
}
static void *subscriber(void *a)
{
	atomic_store_explicit(&armed, 1, MO_S1);
	int h = atomic_load_explicit(&head, MO_S2);
	if (h == 0) slept = 1; /* would block until the bell rings */
	return 0;
}
int main(void)
{
	pthread_t p, s;
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&s, 0, subscriber, 0);
	pthread_join(p, 0);
	pthread_join(s, 0);
	assert(!(slept && !bell)); /* asleep with samples waiting and no bell: lost wake-up */
	return 0;
}
