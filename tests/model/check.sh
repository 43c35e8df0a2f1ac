#!/bin/sh
# Explores the models of the data path (docs/slot_ring.md) with GenMC, v0.9 or newer, on PATH or in $GENMC:
# https://github.com/MPI-SWS/genmc. Each line says what it must do; exit 1 if one does otherwise.
cd "$(dirname "$0")" || exit 2
genmc=${GENMC:-genmc}
rc=0
try() { # pass|fail FILE FLAGS...
	want=$1 file=$2; shift 2
	if "$genmc" --rc11 -- "$@" "$file" 2>&1 | grep -q 'No errors were detected'; then got=pass; else got=fail; fi
	[ $got = "$want" ] || rc=1
	printf '%s %-12s %-46s must %s, did %s\n' "$([ $got = "$want" ] && echo ok || echo NOT)" "$file" "$*" "$want" "$got"
}
try pass doorbell.c
try fail doorbell.c -DBREAK_S1
try fail doorbell.c -DBREAK_P3
try fail doorbell.c -DBREAK_P4
try fail doorbell.c -DBREAK_S2
try pass futex.c
try fail futex.c -DBREAK_S1
try fail futex.c -DBREAK_P3
try fail futex.c -DBREAK_P4
try fail futex.c -DBREAK_S2
try fail futex.c -DBREAK_KNOWN
try fail futex.c -DBREAK_ORDER
try pass slot_ring.c
try pass slot_ring.c -DSAMPLES=5 -DTAKES=2
try pass slot_ring.c -DREADERS=2 -DSAMPLES=4
try pass slot_ring.c -DHINT=0 -DSAMPLES=4 -DTAKES=2
try pass slot_ring.c -DJOIN -DSAMPLES=4 -DTAKES=2
try pass slot_ring.c -DHANDOVER -DSAMPLES=4 -DTAKES=2
try fail slot_ring.c -DHANDOVER -DBREAK_T0 -DSAMPLES=4 -DTAKES=2
try fail slot_ring.c -DHANDOVER -DBREAK_T6 -DSAMPLES=4 -DTAKES=2
try fail slot_ring.c -DBREAK_R1
try fail slot_ring.c -DBREAK_T3
try fail slot_ring.c -DBREAK_T4
try fail slot_ring.c -DBREAK_PINS
try fail slot_ring.c -DJOIN -DBREAK_J1 -DSAMPLES=4 -DTAKES=2
try fail slot_ring.c -DBREAK_T6
try fail slot_ring.c -DHINT=0 -DBREAK_P1
try fail slot_ring.c -DBREAK_R2 -DSAMPLES=5 -DTAKES=2
try fail slot_ring.c -DJOIN -DBREAK_JOIN -DSAMPLES=4

try pass hint.c
try pass hint.c -DELSEWHERE
try fail hint.c -DELSEWHERE -DBREAK_P0
try fail hint.c -DELSEWHERE -DBREAK_P0_LATE
try fail hint.c -DBREAK_GONE

try pass reader_table.c
try pass reader_table.c -DROUNDS=3
try pass reader_table.c -DSCAN
try fail reader_table.c -DBREAK_J2
try fail reader_table.c -DBREAK_HEAD
try fail reader_table.c -DBREAK_WAIT
try fail reader_table.c -DSCAN -DBREAK_SCAN
try pass reliable.c -DDEPTH=2 -DSAMPLES=4
try pass reliable.c -DSLEEP
try pass reliable.c -DSLEEP -DDEPTH=2 -DSAMPLES=4
try pass reliable.c -DJOIN
try pass reliable.c -DJOIN -DSLEEP -DDEPTH=2 -DSAMPLES=4
try fail reliable.c -DSLEEP -DBREAK_C1
try fail reliable.c -DSLEEP -DBREAK_C2
try fail reliable.c -DSLEEP -DBREAK_B1
try fail reliable.c -DSLEEP -DBREAK_B2
try fail reliable.c -DSLEEP -DBREAK_STEP -DDEPTH=2 -DSAMPLES=4
try fail reliable.c -DBREAK_ORDER
try fail reliable.c -DBREAK_LIMIT
try fail reliable.c -DJOIN -DBREAK_J1
try fail reliable.c -DJOIN -DBREAK_START
try fail reliable.c -DJOIN -DBREAK_KEEP -DDEPTH=2
try pass peek.c
try fail peek.c -DBREAK_TIME
try fail peek.c -DBREAK_R1
exit $rc
