set(worker ${CMAKE_SOURCE_DIR}/fcgi-worker)
pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
find_package(ZLIB REQUIRED)

luna_add_fuzzer(fuzz_ndjson SOURCES fuzz_ndjson.c LIBS luna_modelling)
luna_add_fuzzer(fuzz_batch SOURCES fuzz_batch.c LIBS luna_modelling)
luna_add_fuzzer(fuzz_query SOURCES fuzz_query.c ${worker}/http/query.c LIBS luna_table luna_modelling)
target_include_directories(fuzz_query PRIVATE ${worker})
luna_add_fuzzer(fuzz_headers SOURCES fuzz_headers.c ${worker}/http/credential.c ${worker}/http/formats.c ${worker}/http/http.c
                ${worker}/api/small_body.c
                LIBS luna_modelling luna_store PkgConfig::JANSSON)
target_include_directories(fuzz_headers PRIVATE ${worker})
luna_add_fuzzer(fuzz_fastcgi SOURCES fuzz_fastcgi.c ${worker}/fastcgi/fcgi_reader.c LIBS luna_base)
target_include_directories(fuzz_fastcgi PRIVATE ${worker})
luna_add_fuzzer(fuzz_coding SOURCES fuzz_coding.c ${worker}/http/content_coding.c LIBS luna_base ZLIB::ZLIB)
target_include_directories(fuzz_coding PRIVATE ${worker})
luna_add_fuzzer(fuzz_token SOURCES fuzz_token.c ${worker}/http/token.c ${worker}/shared/token_keys.c LIBS luna_base PkgConfig::JWT)
target_include_directories(fuzz_token PRIVATE ${worker})
luna_add_fuzzer(fuzz_settings SOURCES fuzz_settings.c folder.c ${worker}/shared/worker_config.c ${worker}/shared/peers.c
                ${worker}/shared/token_keys.c LIBS luna_sandbox luna_store luna_base)
target_include_directories(fuzz_settings PRIVATE ${worker} ${CMAKE_SOURCE_DIR}/libluna/store)
