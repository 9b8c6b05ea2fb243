# Read by find_package(writ-cedar): the libraries that the static libraries are linked with, then the targets.
include(CMakeFindDependencyMacro)
find_dependency(fmt)
find_dependency(simdjson)
include(${CMAKE_CURRENT_LIST_DIR}/writ-cedarTargets.cmake)
