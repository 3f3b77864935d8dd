# What `cmake --install` puts in place: both libraries, headers, the CMake package and the pkg-config file. The
# command, its man page and its completion are installed by tools/.
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/custody)
# An export set each: a user of the shared library needs none of what the static one is linked with.
foreach(kind shared static)
  install(TARGETS custody_${kind} EXPORT custody-${kind}
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
          INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT custody-${kind} NAMESPACE custody:: FILE custody-${kind}.cmake DESTINATION ${package})
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/custody DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.hpp)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/custodyConfig.cmake.in ${PROJECT_BINARY_DIR}/custodyConfig.cmake
                              INSTALL_DESTINATION ${package})
# Before 1.0 a new minor version may change the interface, as the soname says.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/custodyConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/custodyConfig.cmake ${PROJECT_BINARY_DIR}/custodyConfigVersion.cmake DESTINATION ${package})

# The .pc file finds its prefix from where it lies, so that an installed tree can be moved; not where folders are absolute.
if(IS_ABSOLUTE ${CMAKE_INSTALL_LIBDIR} OR IS_ABSOLUTE ${CMAKE_INSTALL_INCLUDEDIR})
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  string(REGEX REPLACE "[^/]+" ".." pc_up ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
  set(pc_prefix "\${pcfiledir}/${pc_up}")
endif()
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_LIBDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE pc_libdir)
cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_INCLUDEDIR BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE pc_includedir)
configure_file(${CMAKE_CURRENT_LIST_DIR}/custody.pc.in ${PROJECT_BINARY_DIR}/custody.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/custody.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
