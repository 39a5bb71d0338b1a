# luna_embed_texts(prefix out.c file…): a C file with `const char <prefix>_<name>[]` for each file
# (name: without folder and ending), and `<prefix>_names`, `<prefix>_texts`, NULL-terminated, in
# order of name.
function(luna_embed_texts prefix out)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DPREFIX=${prefix} -DOUT=${out} "-DFILES=${ARGN}" -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/EmbedTextsWrite.cmake
    DEPENDS ${ARGN} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/EmbedTextsWrite.cmake
    VERBATIM)
endfunction()
