# What AdmitScript.cmake and ReplyScript.cmake share: reading a table of constants, and holding a
# script's words against it.

# The rows `MACRO(arguments)` of a table, without comments.
function(rows_of text macro ret_rows)
  string(REGEX REPLACE "/\\*([^*]|\\*[^/])*\\*/" "" text "\n${text}")
  string(REGEX MATCHALL "\n${macro}\\([^)]*\\)" rows "${text}")
  list(TRANSFORM rows REPLACE "\n${macro}\\(([^)]*)\\)" "\\1")
  set(${ret_rows} "${rows}" PARENT_SCOPE)
endfunction()

# Words and numbers of the rows `WORD, number`.
function(constants_of rows ret_words ret_numbers)
  set(words "")
  set(numbers "")
  foreach(row IN LISTS rows)
    string(REGEX MATCH "^([A-Z_]+), (-?[0-9]+)$" found "${row}")
    if(NOT found)
      message(FATAL_ERROR "cannot read the row (${row})")
    endif()
    list(APPEND words ${CMAKE_MATCH_1})
    list(APPEND numbers ${CMAKE_MATCH_2})
  endforeach()
  set(${ret_words} "${words}" PARENT_SCOPE)
  set(${ret_numbers} "${numbers}" PARENT_SCOPE)
endfunction()

# Without comments and strings, the words in capitals of a script are its constants, KEYS and ARGV.
# Stops unless they are exactly `words`; `tables` is what an error names.
function(check_words script words file tables)
  string(REGEX REPLACE "--[^\n]*" "" code "${script}")
  string(REGEX REPLACE "'[^'\n]*'" "''" code "${code}")
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
