/* Model of docs/slot_ring.md for GenMC (RC11): one publisher, READERS subscribers, one pin each.
 * Payloads are plain memory: a reuse under a reader is a data race, and GenMC reports it.
 * Variants: -DBREAK_R1 (retire with a release store), -DBREAK_T3 (pin with a release store),
 * -DBREAK_T6 (unpin relaxed), -DBREAK_R2 with -DSAMPLES=5 -DTAKES=2: each must FAIL, or the model checks
 * nothing. -DBREAK_P1 (sequence relaxed) passes without -DHINT=0 (head's acquire at T1 already orders the
 * payload) and must FAIL with it. */
#include <stdatomic.h>
#include <pthread.h>
#include <assert.h>
#ifndef READERS
#define READERS 1
#endif
#ifndef SAMPLES
#define SAMPLES 3
#endif
#ifndef TAKES
#define TAKES 1
#endif
#define DEPTH 1
#define SLOTS (DEPTH + 1 + READERS)
#ifdef BREAK_R1
#define MO_R1 memory_order_release
#else
#define MO_R1 memory_order_seq_cst
#endif
#ifdef BREAK_T3
#define MO_T3 memory_order_release
#else
#define MO_T3 memory_order_seq_cst
#endif
#ifdef BREAK_T6
#define MO_T6 memory_order_relaxed
#else
#define MO_T6 memory_order_release
#endif
#ifdef BREAK_P1
#define MO_P1 memory_order_relaxed
#else
#define MO_P1 memory_order_release
#endif
/* -DBREAK_T4, -DBREAK_PINS (R2's reads acquire) and, with -DJOIN, -DBREAK_J1 (page entered with release)
 * must FAIL, too. */
#ifdef BREAK_T4
#define MO_T4 memory_order_acquire
#else
#define MO_T4 memory_order_seq_cst
#endif
#ifdef BREAK_PINS
#define MO_PINS memory_order_acquire
#else
#define MO_PINS memory_order_seq_cst
#endif
#ifdef BREAK_J1
#define MO_J1 memory_order_release
#else
#define MO_J1 memory_order_seq_cst
#endif
/* -DHANDOVER: the first sample taken is read and released by another thread, and its pin used again;
 * -DBREAK_T0 (the pin found free by a relaxed load) must FAIL then. */
#ifdef BREAK_T0
#define MO_T0 memory_order_relaxed
#else
#define MO_T0 memory_order_acquire
#endif
static atomic_int handed_slot, handed_sequence;

static atomic_int head, ring[DEPTH], seq[SLOTS], pin[READERS];
static int payload[SLOTS];
/* -DJOIN: the subscriber joins while the publisher runs; -DBREAK_JOIN confirms before entering the page. */
static atomic_int page[READERS], confirmed[READERS];

static void *publisher(void *arg)
{
	int used[SLOTS] = {0}; /* 1: published or retired but maybe pinned */
	int retired[SLOTS] = {0};
	int at[DEPTH];
	for (int i = 0; i < DEPTH; i++) at[i] = -1;
	for (int n = 1; n <= SAMPLES; n++) {
		int s = -1;
		/* R2: each pin is read ONCE, then every retired slot is held against that snapshot. Reading the
		 * pins anew for each slot (-DBREAK_R2) lets one moving pin hide every slot: no free slot. */
		int snapshot[READERS];
#ifndef BREAK_R2
		for (int r = 0; r < READERS; r++) {
			snapshot[r] = 0;
#ifdef JOIN
			if (!atomic_load_explicit(&page[r], memory_order_seq_cst)) continue;
#endif
			snapshot[r] = atomic_load_explicit(&pin[r], MO_PINS);
		}
#endif
		for (int i = 0; i < SLOTS; i++) {
			if (s >= 0) break;
			if (used[i] && !retired[i]) continue;
			if (retired[i]) {
				int pinned = 0;
				for (int r = 0; r < READERS; r++) {
#ifdef BREAK_R2
					snapshot[r] = atomic_load_explicit(&pin[r], memory_order_seq_cst);
#endif
					if (snapshot[r] == i + 1) pinned = 1;
				}
				if (pinned) continue;
				retired[i] = 0; used[i] = 0;
			}
			s = i;
		}
		assert(s >= 0); /* a free slot always exists */
		used[s] = 1;
		payload[s] = n;
		atomic_store_explicit(&seq[s], n, MO_P1);                       /* P1 */
		int old = at[n % DEPTH];
		at[n % DEPTH] = s;
		atomic_store_explicit(&ring[n % DEPTH], s, memory_order_release); /* P2 */
		atomic_store_explicit(&head, n, memory_order_seq_cst);            /* P3 */
		if (old >= 0) { /* The evicted one: said at once, and in order (R1) before pins are read */
			atomic_store_explicit(&seq[old], 0, memory_order_relaxed);
			atomic_store_explicit(&seq[old], 0, MO_R1);
			retired[old] = 1;
		}
	}
	return 0;
}

static void *subscriber(void *arg)
{
	int r = (int)(long)arg;
#ifdef JOIN
	if (!atomic_load_explicit(&confirmed[r], memory_order_acquire)) return 0;
#endif
	for (int k = 0; k < TAKES; k++) {
#ifdef HANDOVER
		if (atomic_load_explicit(&pin[r], MO_T0) != 0) return 0;          /* T0 */
#endif
#ifdef HINT /* watch one slot's sequence directly: head and ring are never read */
		int s = HINT;
		int h = atomic_load_explicit(&seq[s], memory_order_relaxed);
		if (h == 0) continue;
#else
		int h = atomic_load_explicit(&head, memory_order_acquire);        /* T1 */
		if (h == 0) continue;
		int s = atomic_load_explicit(&ring[h % DEPTH], memory_order_acquire); /* T2 */
#endif
		atomic_store_explicit(&pin[r], s + 1, MO_T3);                     /* T3 */
		if (atomic_load_explicit(&seq[s], MO_T4) == h) {                  /* T4 */
#ifdef HANDOVER
			if (k == 0) {
				handed_sequence = h;
				atomic_store_explicit(&handed_slot, s + 1, memory_order_release);
				continue;
			}
#endif
			assert(payload[s] == h);                                  /* T5 */
		}
		atomic_store_explicit(&pin[r], 0, MO_T6);                         /* T6 */
	}
	return 0;
}

static void *releaser(void *arg)
{
	int s = atomic_load_explicit(&handed_slot, memory_order_acquire) - 1;
	if (s < 0) return 0;
	assert(payload[s] == handed_sequence);                                    /* T5 */
	atomic_store_explicit(&pin[0], 0, MO_T6);                                 /* T6 */
	return 0;
}

static void *discovery(void *arg)
{
	int r = (int)(long)arg;
#ifdef BREAK_JOIN
	atomic_store_explicit(&confirmed[r], 1, memory_order_release);
	atomic_store_explicit(&page[r], 1, MO_J1);
#else
	atomic_store_explicit(&page[r], 1, MO_J1);
	atomic_store_explicit(&confirmed[r], 1, memory_order_release);
#endif
	return 0;
}

int main(void)
{
	pthread_t p, s[READERS], d, x;
#ifdef HANDOVER
	pthread_create(&x, 0, releaser, 0);
#endif
#ifdef JOIN
	pthread_create(&d, 0, discovery, (void *)0);
#endif
	pthread_create(&p, 0, publisher, 0);
	for (long i = 0; i < READERS; i++) pthread_create(&s[i], 0, subscriber, (void *)i);
	return 0;
}
