# Headers are the same on every architecture: everything goes below include/ and share/.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_DATADIR}/cmake/octet)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/octet DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        FILES_MATCHING PATTERN "*.hpp")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/licenses/octet)
install(TARGETS octet EXPORT octet-targets INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT octet-targets NAMESPACE octet:: DESTINATION ${package_dir})

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/octet-config.cmake.in
  ${PROJECT_BINARY_DIR}/octet-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/octet-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${PROJECT_BINARY_DIR}/octet-config.cmake
              ${PROJECT_BINARY_DIR}/octet-config-version.cmake DESTINATION ${package_dir})

# The prefix is told relative to octet.pc, so that the installed tree can be moved.
set(prefix ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_DATADIR}")
  file(RELATIVE_PATH up ${prefix}/${CMAKE_INSTALL_DATADIR}/pkgconfig ${prefix})
  set(prefix \${pcfiledir}/${up})
endif()
set(includedir \${prefix})
cmake_path(APPEND includedir ${CMAKE_INSTALL_INCLUDEDIR})  # which may be absolute
file(WRITE ${PROJECT_BINARY_DIR}/octet.pc
"prefix=${prefix}
includedir=${includedir}

Name: octet
Description: ${PROJECT_DESCRIPTION}
Version: ${PROJECT_VERSION}
Cflags: -I\${includedir} -pthread
Libs: -pthread
")
install(FILES ${PROJECT_BINARY_DIR}/octet.pc DESTINATION ${CMAKE_INSTALL_DATADIR}/pkgconfig)
