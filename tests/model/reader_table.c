/* Model of steps J2 and J3 of docs/slot_ring.md: a subscriber's page is unmapped only when no scan can
 * still be reading it. `page` is plain memory: unmapping is a write, so an unmap under a scan is a data
 * race, and GenMC reports it.
 * The publisher opens its bracket with a release store before P3 while it publishes, and with a seq_cst store
 * before a scan (R2). -DSCAN: scans instead of publishing. Must FAIL: -DBREAK_J2 (release instead of
 * seq_cst), -DBREAK_HEAD (discovery does not read head), -DBREAK_WAIT (discovery does not wait),
 * -DSCAN -DBREAK_SCAN (bracket of the scan opened with release).
 * Opening with a relaxed store passes here, since RC11 lets a later store of the same thread continue the
 * release sequence of the closing one. C++20 does not (P0982), hence release. */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifdef BREAK_J2
#define MO_J2 memory_order_release
#else
#define MO_J2 memory_order_seq_cst
#endif
#ifdef BREAK_SCAN
#define MO_SCAN memory_order_release
#else
#define MO_SCAN memory_order_seq_cst
#endif
static atomic_int bracket, head, entry;
static int page;

static void *publisher(void *arg)
{
	int seen = 0;
	for (int n = 1; n <= ROUNDS; n++) {
#ifdef SCAN
		atomic_store_explicit(&bracket, 2 * n - 1, MO_SCAN);
#else
		atomic_store_explicit(&bracket, 2 * n - 1, memory_order_release);
		atomic_store_explicit(&head, n, memory_order_seq_cst);          /* P3 */
#endif
		if (atomic_load_explicit(&entry, memory_order_seq_cst))         /* P4, R2 */
			seen += page;
		atomic_store_explicit(&bracket, 2 * n, memory_order_release);
	}
	return 0;
}

static void *discovery(void *arg)
{
	atomic_store_explicit(&entry, 0, MO_J2);                                /* J2 */
#ifndef BREAK_HEAD
	atomic_load_explicit(&head, memory_order_seq_cst);
#endif
	int open = atomic_load_explicit(&bracket, memory_order_seq_cst);        /* J3 */
#ifndef BREAK_WAIT
	if (open % 2)
		while (atomic_load_explicit(&bracket, memory_order_acquire) == open)
			;
#endif
	page = -1; /* unmapped */
	return 0;
}

int main(void)
{
	pthread_t p, d;
	page = 1;
	atomic_store_explicit(&entry, 1, memory_order_seq_cst);
	pthread_create(&p, 0, publisher, 0);
	pthread_create(&d, 0, discovery, 0);
	pthread_join(p, 0);
	pthread_join(d, 0);
	return 0;
}
