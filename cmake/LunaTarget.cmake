# luna_target_defaults(target): the warnings, sanitizers and hardening that every target of ours is
# built with.
include(CheckCCompilerFlag)
check_c_compiler_flag(-fcf-protection=full LUNA_HAS_CET)
check_c_compiler_flag(-fstack-clash-protection LUNA_HAS_STACK_CLASH)

set(LUNA_WARNINGS -Wall -Wextra -Wshadow -Wconversion -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wformat=2
    -Wvla -Wnull-dereference -Wdouble-promotion)
set(LUNA_WARNINGS_C -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)

function(luna_target_defaults target)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE)
  # -ffp-contract=off: the same bits on every machine; a fused multiply-add would break stream ==
  # batch across builds.
  target_compile_options(${target} PRIVATE ${LUNA_WARNINGS} $<$<COMPILE_LANGUAGE:C>:${LUNA_WARNINGS_C}> -ffp-contract=off
                                           -fno-math-errno)
  if(LUNA_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
  if(LUNA_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${LUNA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${LUNA_SANITIZE})
  endif()
  if(LUNA_FUZZ)
    # Without this the fuzzer cannot see which branches of the libraries its inputs reach.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
  if(LUNA_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PRIVATE --coverage)
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL EXECUTABLE)
    target_compile_options(${target} PRIVATE -fPIE)
    target_link_options(${target} PRIVATE -pie)
  endif()
  target_compile_options(${target} PRIVATE -fstack-protector-strong $<$<BOOL:${LUNA_HAS_CET}>:-fcf-protection=full>
                                           $<$<BOOL:${LUNA_HAS_STACK_CLASH}>:-fstack-clash-protection>)
  target_link_options(${target} PRIVATE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
  # Debian's startup files carry no CET note, so the linker would drop ours. They return where they
  # were called from: a shadow stack suits them. They begin without endbr64, so the note for IBT
  # stays off.
  if(LUNA_HAS_CET)
    target_link_options(${target} PRIVATE -Wl,-z,shstk)
  endif()
  if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT LUNA_SANITIZE)
    target_compile_options(${target} PRIVATE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endfunction()
