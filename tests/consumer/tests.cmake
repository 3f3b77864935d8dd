# An installed copy is made, moved, looked at, and built against in every way that README offers.
set(flags "")
if(CUSTODY_SANITIZE)
  set(flags "-fsanitize=${CUSTODY_SANITIZE}")
elseif(CUSTODY_COVERAGE)
  set(flags "--coverage")
endif()

function(consumer_test name fixtures)
  add_test(NAME "consumer: ${name}" COMMAND ${PROJECT_SOURCE_DIR}/tests/consumer/consume.sh ${ARGN})
  set_tests_properties("consumer: ${name}" PROPERTIES ${fixtures} custody_installed TIMEOUT 1200 ENVIRONMENT
                       "BUILD=${PROJECT_BINARY_DIR};SOURCE=${PROJECT_SOURCE_DIR};WORK=${PROJECT_BINARY_DIR}/consumer;CXX=${CMAKE_CXX_COMPILER};CXXFLAGS=${flags};VERSION=${PROJECT_VERSION};LIBDIR=${CMAKE_INSTALL_LIBDIR}")
endfunction()

consumer_test("an installed copy has everything, and can be moved" FIXTURES_SETUP install)
consumer_test("find_package builds a component with the shared library" FIXTURES_REQUIRED find_package custody::custody)
consumer_test("find_package builds a component with the static library" FIXTURES_REQUIRED find_package custody::static)
consumer_test("pkg-config builds a component with the shared library" FIXTURES_REQUIRED pkg_config)
consumer_test("pkg-config builds a component with the static library" FIXTURES_REQUIRED pkg_config --static)
consumer_test("only names of custody are exported" FIXTURES_REQUIRED symbols)
consumer_test("the soname has a version" FIXTURES_REQUIRED soname)
consumer_test("the package of another version is refused" FIXTURES_REQUIRED other_version 0.2)
# This one builds the library again, which says the same under every sanitizer.
if(NOT flags)
  consumer_test("add_subdirectory builds a component without side effects" FIXTURES_REQUIRED add_subdirectory)
endif()
