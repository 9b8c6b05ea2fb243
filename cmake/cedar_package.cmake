# Cedar for C++ as a CMake package of its own: find_package(writ-cedar), target writ::cedar (docs/cedar.md).
#
# It is the module cedar and the two below it, as static libraries, and of their headers those that are an interface:
# src/cedar/*.h. What its folders (syntax/, plan/ ...) share among themselves is not installed. The tests hold what is
# installed against itself: it includes nothing that is not installed.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Of base and codec, what the public headers of cedar include.
set(WRIT_CEDAR_PUBLIC base/check.h base/clock.h base/name_filter.h base/result.h codec/json.h)

# writ_cedar_package()
#
# Called where the modules are. Installs the component `cedar`; makes the target writ::cedar known to a project that has
# this one inside.
function(writ_cedar_package)
  set(headers ${CMAKE_INSTALL_INCLUDEDIR}/writ)
  set(config ${CMAKE_INSTALL_LIBDIR}/cmake/writ-cedar)
  foreach(module base codec cedar)
    add_library(writ::${module} ALIAS writ_${module})
    set_target_properties(writ_${module} PROPERTIES EXPORT_NAME ${module})
    target_compile_features(writ_${module} PUBLIC cxx_std_23)
  endforeach()
  install(TARGETS writ_base writ_codec writ_cedar EXPORT writ-cedar
          ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cedar INCLUDES DESTINATION ${headers})

  foreach(header IN LISTS WRIT_CEDAR_PUBLIC)
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${header} DESTINATION ${headers}/${folder} COMPONENT cedar)
  endforeach()
  file(GLOB public CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/cedar cedar/*.h)
  list(TRANSFORM public PREPEND cedar/)
  install(FILES ${public} DESTINATION ${headers}/cedar COMPONENT cedar)

  # While the version begins with 0, a minor version may break what the one before it promised.
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/writ-cedarConfigVersion.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_SOURCE_DIR}/cmake/writ-cedarConfig.cmake ${PROJECT_BINARY_DIR}/writ-cedarConfigVersion.cmake
          DESTINATION ${config} COMPONENT cedar)
  install(EXPORT writ-cedar NAMESPACE writ:: FILE writ-cedarTargets.cmake DESTINATION ${config} COMPONENT cedar)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT cedar)
endfunction()
