luna_add_fuzzer(fuzz_journal SOURCES fuzz_journal.c folder.c LIBS luna_store)
target_include_directories(fuzz_journal PRIVATE ${CMAKE_SOURCE_DIR}/libluna/store)
luna_add_fuzzer(fuzz_redis SOURCES fuzz_redis.c folder.c LIBS luna_store)
target_include_directories(fuzz_redis PRIVATE ${CMAKE_SOURCE_DIR}/libluna/store)
