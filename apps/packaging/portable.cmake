# At installation of the archive: the program with every library that it loads, the C library and its loader among them, and
# a script that starts it through that loader. Nothing of the system's own libraries is then used.
include(${packaging}/debian_packages.cmake)
set(prefix $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX})
set(folder ${prefix}/lib/xrtrain)
set(documents ${prefix}/share/doc/xrtrain)

execute_process(COMMAND ldd ${xrtrain_portable} OUTPUT_VARIABLE lines COMMAND_ERROR_IS_FATAL ANY)
if(lines MATCHES "([^ \t]+) => not found")
  message(FATAL_ERROR "${xrtrain_portable} needs ${CMAKE_MATCH_1}, which is missing")
endif()
string(REGEX MATCHALL "/[^ \n]+ \\(0x" files "${lines}")
list(TRANSFORM files REPLACE " \\(0x" "")

file(MAKE_DIRECTORY ${folder} ${prefix}/bin ${documents}/licences)
xr_packages_of(packages ${files})
set(table "")
foreach(file package IN ZIP_LISTS files packages)
  get_filename_component(name ${file} NAME)
  file(REAL_PATH ${file} real)
  file(COPY_FILE ${real} ${folder}/${name})
  if(name MATCHES "^ld-linux")
    set(loader ${name})
  endif()
  string(APPEND table "${name}\t${package}\n")
endforeach()
list(APPEND packages ${embedded})
list(REMOVE_DUPLICATES packages)
list(SORT packages)
xr_copy_licences(${documents}/licences ${packages})

# Which sources each was built from: some licences ask for it.
execute_process(COMMAND dpkg-query --show --showformat=\${Package}\t\${source:Package}\ \${source:Version}\n
                        ${packages} OUTPUT_VARIABLE sources COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${documents}/licences/README.txt "The archive's files in lib/xrtrain and the Debian packages that they are from:

${table}
The source package of each and its version, as Debian keeps them, those of which only headers are in the program among
them:

${sources}
libjbig.so.0, which TIFF needs, is under the GPL, version 2 or later: who passes the archive on follows the GPL.
libc, its loader and libudev, if it is there, are under the LGPL, gcc's libraries under the GPL with the exception for
runtime libraries. Each library can be replaced by another build of it: it is a file of its own.
")

file(COPY_FILE ${xrtrain_portable} ${folder}/xrtrain)
file(RPATH_REMOVE FILE ${folder}/xrtrain)  # folders of the system that it was built on
execute_process(COMMAND ${strip} ${folder}/xrtrain COMMAND_ERROR_IS_FATAL ANY)
set(launcher ${prefix}/bin/xrtrain)
file(READ ${packaging}/launcher.sh text)
string(REPLACE "LOADER" ${loader} text "${text}")
file(WRITE ${launcher} "${text}")
foreach(file ${launcher} ${folder}/xrtrain ${folder}/${loader})
  file(CHMOD ${file} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
endforeach()
