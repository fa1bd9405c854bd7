# cmake -D build=... -D config=... -D compiler=... -D generator=... -D work=... -P check.cmake
function(run)
  execute_process(COMMAND ${ARGV} COMMAND_ECHO STDOUT COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${work})
run(${CMAKE_COMMAND} --install ${build} --config ${config} --prefix ${work}/first)
# The package must not depend on where it was installed.
file(RENAME ${work}/first ${work}/prefix)
file(GLOB_RECURSE files ${work}/prefix/lib/*.cmake)
foreach(file ${files})
  file(READ ${file} text)
  foreach(folder ${build} ${CMAKE_CURRENT_LIST_DIR} ${work}/first)
    string(FIND "${text}" "${folder}/" at)
    if(NOT at EQUAL -1)
      message(FATAL_ERROR "${file} names ${folder}, which the machine that uses the package may not have")
    endif()
  endforeach()
endforeach()
run(${CMAKE_COMMAND} -G ${generator} -S ${CMAKE_CURRENT_LIST_DIR}/consumer -B ${work}/build
    -D CMAKE_BUILD_TYPE=${config} -D CMAKE_CXX_COMPILER=${compiler} -D CMAKE_PREFIX_PATH=${work}/prefix)
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/consumer)
