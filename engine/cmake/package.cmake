# The installed package that find_package(xrtrain CONFIG) finds.
include(CMakePackageConfigHelpers)

# The interface of oneDNN that the libraries are compiled for.
string(REGEX MATCH "^[0-9]+" onednn_major "${OneDNN_VERSION}")
math(EXPR next_onednn_major "${onednn_major} + 1")
set(onednn_versions ${onednn_major}...<${next_onednn_major})

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/xrtrain)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/xrtrain-config.cmake.in
                              ${PROJECT_BINARY_DIR}/package/xrtrain-config.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/xrtrain-config-version.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/xrtrain-config.cmake
              ${PROJECT_BINARY_DIR}/package/xrtrain-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindOneDNN.cmake
        DESTINATION ${package_folder} COMPONENT development)
install(EXPORT xr-targets FILE xrtrain-targets.cmake NAMESPACE xr:: DESTINATION ${package_folder} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT program)
