set(oracle ${CMAKE_CURRENT_SOURCE_DIR}/../unit/libluna/modelling/formats)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)

luna_add_fuzzer(fuzz_json SOURCES fuzz_json.c ${oracle}/json_oracle.c LIBS luna_modelling PkgConfig::JANSSON m)
target_include_directories(fuzz_json PRIVATE ${oracle})
luna_add_fuzzer(fuzz_csv SOURCES fuzz_csv.c LIBS luna_table luna_modelling m)
