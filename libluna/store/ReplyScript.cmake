# A small script as it is embedded, from -DSCRIPT, -DREPLIES and -DTEXTS into -DOUT: in front of it the
# constants that script_replies.def gives it, and its `reply { … }` in the order of its fields there.
# The script must use each of them and no other word in capitals: C and Lua cannot disagree in a
# library that was built.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/LuaContract.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/TextsContract.cmake)
file(READ ${SCRIPT} script)
file(READ ${TEXTS} texts)
fill_texts("${script}" "${texts}" ${SCRIPT} script)
file(READ ${REPLIES} replies)
get_filename_component(name ${SCRIPT} NAME_WE)
string(TOUPPER ${name} name)

rows_of("${replies}" REPLY rows)
list(FILTER rows INCLUDE REGEX "^${name}, ")
list(TRANSFORM rows REPLACE "^${name}, " "")
constants_of("${rows}" words numbers)
check_returns("${script}" ${SCRIPT})
check_words("${script}" "${words}" ${SCRIPT} ${REPLIES})

rows_of("${replies}" ${name}_FIELD fields)
if(fields)
  fill_replies("${script}" "${fields}" "{" "}" ${SCRIPT} ${REPLIES} script)
endif()
if(words)
  list(JOIN words ", " words)
  list(JOIN numbers ", " numbers)
  set(script "local ${words} = ${numbers}\n${script}")
endif()
file(WRITE ${OUT} "${script}")
