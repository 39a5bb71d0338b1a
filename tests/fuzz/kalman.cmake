luna_add_fuzzer(fuzz_kalman SOURCES fuzz_kalman.c LIBS kalman)
