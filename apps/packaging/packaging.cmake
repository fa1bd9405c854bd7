# Packages by cpack: a .deb of the program and one of the library (-G DEB), and an archive that runs without the system's
# libraries (-G TGZ). README.md describes them.
set(packaging ${CMAKE_CURRENT_LIST_DIR})
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(archive_name xrtrain-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})

# What the program holds of others' sources: headers of these packages.
set(embedded libfmt-dev libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libstb-dev libhnswlib-dev)
if(XR_HTTPLIB_INCLUDE_DIR)
  list(APPEND embedded libcpp-httplib-dev)
endif()

# xr_install_script(COMPONENT SCRIPT [EXCLUDE_FROM_ALL]): runs packaging/SCRIPT.cmake at installation, with these variables.
function(xr_install_script component script)
  install(CODE "set(xrtrain ${CMAKE_CROSSCOMPILING_EMULATOR} \"$<TARGET_FILE:xrtrain>\")
    set(xrtrain_portable \"$<TARGET_FILE:xrtrain_portable>\")
    set(component ${component})
    set(embedded ${embedded})
    set(packaging \"${packaging}\")
    set(source \"${PROJECT_SOURCE_DIR}\")
    set(strip \"${CMAKE_STRIP}\")
    include(\"${packaging}/${script}.cmake\")" COMPONENT ${component} ${ARGN})
endfunction()

# The archive's program has no MPI, whose library must be the one of the mpirun that starts it.
add_executable(xrtrain_portable ${PROJECT_SOURCE_DIR}/apps/xrtrain/main.cpp)
target_link_libraries(xrtrain_portable PRIVATE xr_apps xr_without_mpi xr_flags)
target_link_options(xrtrain_portable PRIVATE -Wl,--as-needed)
target_compile_definitions(xrtrain_portable PRIVATE XR_VERSION="${PROJECT_VERSION}")

xr_install_script(program documents)
xr_install_script(development documents)
xr_install_script(portable documents EXCLUDE_FROM_ALL)
xr_install_script(portable portable EXCLUDE_FROM_ALL)

# Libraries that a user of ours links: cpack looks up their packages.
set(linked ${OneDNN_LIBRARY} ${ZLIB_LIBRARY_RELEASE})
foreach(library kernels engine model data)
  get_target_property(libraries xr_${library} INTERFACE_LINK_LIBRARIES)
  string(REGEX MATCHALL "/[^;<>]+\\.(so|a)" files "${libraries}")
  list(APPEND linked ${files})
endforeach()
list(REMOVE_DUPLICATES linked)

set(CPACK_PACKAGE_NAME xrtrain)
set(CPACK_PACKAGE_VENDOR "The xrtrain authors")
set(CPACK_PACKAGE_CONTACT "The xrtrain authors")
set(CPACK_PACKAGE_FILE_NAME ${archive_name})
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PROJECT_CONFIG_FILE ${packaging}/components.cmake)
set(CPACK_XR_PACKAGING ${packaging})
set(CPACK_XR_LINKED ${linked})

set(CPACK_ARCHIVE_COMPONENT_INSTALL ON)
set(CPACK_ARCHIVE_PORTABLE_FILE_NAME ${archive_name})

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME xrtrain)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "openmpi-bin")
set(CPACK_DEBIAN_PROGRAM_DESCRIPTION "Audits a set of X-rays, trains, and reports every figure with an interval.
Not a medical device.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libxrtrain-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION "Headers and libraries of xrtrain's deep-learning engine
Tensors, automatic differentiation, layers, networks and readers of X-rays
for C++20 programs: find_package(xrtrain CONFIG).")
include(CPack)
