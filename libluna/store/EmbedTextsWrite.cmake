set(arrays "")
set(declarations "")
set(names "")
set(texts "")
list(SORT FILES COMPARE FILE_BASENAME)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "(char)0x\\1," bytes "${hex}")
  string(APPEND declarations "extern const char ${PREFIX}_${name}[];\n")
  string(APPEND arrays "const char ${PREFIX}_${name}[] = {${bytes}0};\n")
  string(APPEND names "\"${name}\", ")
  string(APPEND texts "${PREFIX}_${name}, ")
endforeach()
file(WRITE ${OUT} "/* Written by EmbedTextsWrite.cmake. */
#include <stddef.h>
${declarations}extern const char *const ${PREFIX}_names[], *const ${PREFIX}_texts[];
${arrays}const char *const ${PREFIX}_names[] = {${names}NULL};
const char *const ${PREFIX}_texts[] = {${texts}NULL};
")
