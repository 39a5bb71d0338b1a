# What AdmitScript.cmake and ReplyScript.cmake share: reading a table, and holding a script's words,
# replies and fields against it.

# The rows `MACRO(arguments)` of a table, without comments.
function(rows_of text macro ret_rows)
  string(REGEX REPLACE "/\\*([^*]|\\*[^/])*\\*/" "" text "\n${text}")
  string(REGEX MATCHALL "\n${macro}\\([^)]*\\)" rows "${text}")
  list(TRANSFORM rows REPLACE "\n${macro}\\(([^)]*)\\)" "\\1")
  set(${ret_rows} "${rows}" PARENT_SCOPE)
endfunction()

# Words and numbers of the rows `WORD, number`. No number has two words: the reply would not tell
# which one is meant.
function(constants_of rows ret_words ret_numbers)
  set(words "")
  set(numbers "")
  foreach(row IN LISTS rows)
    string(REGEX MATCH "^([A-Z_]+), (-?[0-9]+)$" found "${row}")
    if(NOT found)
      message(FATAL_ERROR "cannot read the row (${row})")
    endif()
    if(CMAKE_MATCH_2 IN_LIST numbers)
      message(FATAL_ERROR "${CMAKE_MATCH_1}: the number ${CMAKE_MATCH_2} has another word already")
    endif()
    list(APPEND words ${CMAKE_MATCH_1})
    list(APPEND numbers ${CMAKE_MATCH_2})
  endforeach()
  set(${ret_words} "${words}" PARENT_SCOPE)
  set(${ret_numbers} "${numbers}" PARENT_SCOPE)
endfunction()

# A script without comments, and with '' for each string.
function(code_of script ret_code)
  string(REGEX REPLACE "--[^\n]*" "" code "\n${script}")
  string(REGEX REPLACE "'[^'\n]*'" "''" code "${code}")
  set(${ret_code} "${code}" PARENT_SCOPE)
endfunction()

# The words in capitals of a script are its constants, KEYS and ARGV. Stops unless they are exactly
# `words`; `tables` is what an error names.
function(check_words script words file tables)
  code_of("${script}" code)
  string(REGEX MATCHALL "[A-Z][A-Z_]+" used "${code}")
  list(REMOVE_DUPLICATES used)
  list(REMOVE_ITEM used KEYS ARGV)
  foreach(word IN LISTS used)
    if(NOT word IN_LIST words)
      message(FATAL_ERROR "${file}: ${word} is not in ${tables}")
    endif()
  endforeach()
  foreach(word IN LISTS words)
    if(NOT word IN_LIST used)
      message(FATAL_ERROR "${file}: it never replies ${word}")
    endif()
  endforeach()
endfunction()

# Stops at a `return` of anything but a word, one of two words, a reply { … }, or units that
# tonumber() read; answer(), refuse() and struct.pack() take the word first. What a function
# has_…() returns is not a reply.
function(check_returns script file)
  code_of("${script}" code)
  string(REGEX REPLACE "\nlocal function has_[^\n]*\n(  [^\n]*\n)+end" "" code "${code}")
  # Indices are numbers that no reply has; and CMake's lists take neither of these.
  string(REGEX REPLACE "\\[[^]\n]*\\]" "" code "${code}")
  string(REPLACE ";" "" code "${code}")
  string(REGEX MATCHALL "return[ \n][^\n]*" returns "${code}")
  set(word "([^0-9,]* and )?[A-Z][A-Z_]+( or [A-Z][A-Z_]+)?")
  foreach(line IN LISTS returns)
    if(NOT line MATCHES "^return (${word}|reply {|tonumber\\([a-z_A-Z]+\\))$" AND
       NOT line MATCHES "^return (answer|refuse)\\((${word}|outcome)[,)]" AND
       NOT line MATCHES "^return struct\\.pack\\('', ${word}\\)$")
      message(FATAL_ERROR "${file}: (${line}) replies what no table has")
    endif()
  endforeach()
endfunction()

# Replaces each `reply { name = value, … }`, a field a line, by the values in the order of `fields`,
# after `open` and before `close`. Stops unless a reply gives each field once, and there is a reply.
function(fill_replies script fields open close file table ret_script)
  list(LENGTH fields field_count)
  set(start_mark "return reply {\n")
  string(FIND "${script}" "${start_mark}" start)
  if(start EQUAL -1)
    message(FATAL_ERROR "${file}: no reply { … }")
  endif()
  while(NOT start EQUAL -1)
    string(SUBSTRING "${script}" 0 ${start} before)
    string(SUBSTRING "${script}" ${start} -1 rest)
    string(FIND "${rest}" "}" end)
    math(EXPR after_at "${end} + 1")
    string(SUBSTRING "${rest}" 0 ${end} block)
    string(SUBSTRING "${rest}" ${after_at} -1 after)
    string(REGEX MATCHALL "\n +[a-z_]+ = " given "${block}")
    list(LENGTH given given_count)
    if(NOT given_count EQUAL field_count)
      message(FATAL_ERROR "${file}: a reply gives ${given_count} fields; ${table} has ${field_count}")
    endif()
    set(values "${open}")
    foreach(field IN LISTS fields)
      if(NOT block MATCHES "\n +${field} = ([^\n]*),\n")
        message(FATAL_ERROR "${file}: a reply does not give ${field}")
      endif()
      string(APPEND values "\n    ${CMAKE_MATCH_1},")
    endforeach()
    string(REGEX REPLACE ",$" "" values "${values}")
    set(script "${before}return ${values}${close}${after}")
    string(FIND "${script}" "${start_mark}" start)
  endwhile()
  set(${ret_script} "${script}" PARENT_SCOPE)
endfunction()
