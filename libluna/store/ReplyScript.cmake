# A small script as it is embedded, from -DSCRIPT and -DREPLIES into -DOUT: in front of it the
# constants that script_replies.def gives it. The script must use each of them and no other word in
# capitals: C and Lua cannot disagree in a library that was built.
cmake_minimum_required(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/LuaContract.cmake)
file(READ ${SCRIPT} script)
file(READ ${REPLIES} replies)
get_filename_component(name ${SCRIPT} NAME_WE)
string(TOUPPER ${name} name)

rows_of("${replies}" REPLY rows)
list(FILTER rows INCLUDE REGEX "^${name}, ")
list(TRANSFORM rows REPLACE "^${name}, " "")
constants_of("${rows}" words numbers)
check_words("${script}" "${words}" ${SCRIPT} ${REPLIES})

list(JOIN words ", " words)
list(JOIN numbers ", " numbers)
file(WRITE ${OUT} "local ${words} = ${numbers}\n${script}")
