# cmake -D SOURCE=... -D OUTPUT=... -P commit.cmake: writes a header with the commit, if it is another than before.
# Outside of a repository it is what XR_COMMIT in the environment says.
find_program(git git)
set(commit "unknown")
if(NOT "$ENV{XR_COMMIT}" STREQUAL "")
  set(commit "$ENV{XR_COMMIT}")
endif()
if(git)
  execute_process(COMMAND ${git} --no-optional-locks describe --always --abbrev=12 --dirty --exclude=*
                  WORKING_DIRECTORY ${SOURCE} OUTPUT_VARIABLE described RESULT_VARIABLE status
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(status EQUAL 0)
    set(commit ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define XR_COMMIT \"${commit}\"\n")
