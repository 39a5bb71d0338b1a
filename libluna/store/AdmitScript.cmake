# admit.lua as it is embedded, from -DSCRIPT, -DOUTCOMES, -DREPLY and -DTEXTS into -DOUT: the constants of
# the two tables in front, and each `reply { name = value, … }` turned into the struct.pack() of the
# table's order. The script must use each constant and no other word in capitals, and its replies
# must give every field once: C and Lua cannot disagree in a library that was built.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/LuaContract.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/TextsContract.cmake)
file(READ ${SCRIPT} script)
file(READ ${TEXTS} texts)
fill_texts("${script}" "${texts}" ${SCRIPT} script)
file(READ ${OUTCOMES} outcomes)
file(READ ${REPLY} reply)

rows_of("${outcomes}" X outcome_rows)
list(TRANSFORM outcome_rows REPLACE "^LUNA_ADMIT_" "")
rows_of("${reply}" CODE code_rows)
rows_of("${reply}" FIELD fields)
list(GET fields 0 first)
if(NOT first STREQUAL "outcome")
  message(FATAL_ERROR "${REPLY}: the outcome comes first, as a reply may end after it")
endif()

constants_of("${outcome_rows};${code_rows}" words numbers)
check_returns("${script}" ${SCRIPT})
check_words("${script}" "${words}" ${SCRIPT} "${OUTCOMES} nor in ${REPLY}")

list(LENGTH fields field_count)
string(REPEAT "i8" ${field_count} format)
fill_replies("${script}" "${fields}" "struct.pack('<${format}'," ")" ${SCRIPT} ${REPLY} script)

list(JOIN words ", " words)
list(JOIN numbers ", " numbers)
file(WRITE ${OUT} "local ${words} =\n  ${numbers}\n${script}")
