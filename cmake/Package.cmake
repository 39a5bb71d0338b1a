# The Debian packages: `cmake --build BUILD --target package` after a Release build with
# -DCMAKE_INSTALL_PREFIX=/usr. One component is one package. The version is project()'s.
set(LUNA_UNIT_DIR /lib/systemd/system)
set(LUNA_CONF ${CMAKE_CURRENT_SOURCE_DIR}/conf)

# Manual pages: sections 1 and 8 by hand; the settings pages are made of what the programs say about
# themselves.
function(luna_settings_page program component)
  set(page ${CMAKE_CURRENT_BINARY_DIR}/man/${program}.env.5)
  add_custom_command(OUTPUT ${page}
    COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/cmake/settings-page.sh $<TARGET_FILE:${program}> ${program} ${PROJECT_VERSION} ${page}
    DEPENDS ${program} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/settings-page.sh VERBATIM)
  add_custom_target(man-${program} ALL DEPENDS ${page})
  luna_install_page(${page} 5 ${component})
endfunction()

function(luna_install_page page section component)
  get_filename_component(name ${page} NAME)
  set(packed ${CMAKE_CURRENT_BINARY_DIR}/man/${name}.gz)
  add_custom_command(OUTPUT ${packed} COMMAND sh -c "mkdir -p \"$(dirname \"$2\")\" && gzip -9nc \"$1\" > \"$2\"" sh ${page} ${packed}
                     DEPENDS ${page} VERBATIM)
  add_custom_target(man-gz-${name} ALL DEPENDS ${packed})
  install(FILES ${packed} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT ${component})
endfunction()

luna_settings_page(fcgi-worker worker)
luna_settings_page(quota-syncd syncd)
luna_settings_page(luna cli)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/fcgi-worker.8 8 worker)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/luna-setup.8 8 worker)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/luna-rotate.8 8 worker)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/luna-backup.8 8 worker)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/luna-restore.8 8 worker)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/quota-syncd.8 8 syncd)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/docs/man/luna.1 1 cli)
luna_install_page(${CMAKE_CURRENT_SOURCE_DIR}/libkalman/kalman.3 3 kalman-dev)

install(FILES ${LUNA_CONF}/systemd/luna-worker@.service ${LUNA_CONF}/systemd/luna-worker@.socket ${LUNA_CONF}/systemd/luna-nginx.service
              ${LUNA_CONF}/systemd/luna-backup.service ${LUNA_CONF}/systemd/luna-backup.timer
        DESTINATION ${LUNA_UNIT_DIR} COMPONENT worker)
install(FILES ${LUNA_CONF}/systemd/redis-server.conf DESTINATION ${LUNA_UNIT_DIR}/redis-server@luna.service.d RENAME luna.conf COMPONENT worker)
install(FILES ${LUNA_CONF}/systemd/postgresql.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/systemd COMPONENT worker)
install(FILES ${LUNA_CONF}/systemd/quota-syncd.service DESTINATION ${LUNA_UNIT_DIR} COMPONENT syncd)
foreach(component worker syncd)
  install(FILES ${LUNA_CONF}/systemd/luna.sysusers DESTINATION /usr/lib/sysusers.d RENAME luna-${component}.conf COMPONENT ${component})
  install(FILES ${LUNA_CONF}/systemd/luna.tmpfiles DESTINATION /usr/lib/tmpfiles.d RENAME luna-${component}.conf COMPONENT ${component})
endforeach()
install(FILES ${LUNA_CONF}/systemd/luna-gateway.sysusers DESTINATION /usr/lib/sysusers.d RENAME luna-gateway.conf COMPONENT worker)
set_target_properties(gateway PROPERTIES EXCLUDE_FROM_ALL OFF)
install(TARGETS gateway LIBRARY DESTINATION /usr/lib/luna COMPONENT worker)
install(DIRECTORY ${LUNA_CONF}/nginx DESTINATION ${CMAKE_INSTALL_DATADIR}/luna COMPONENT worker FILES_MATCHING PATTERN "*.conf")
# The description of the API and the pages, for machines without npm. scripts/web says which of them
# could not be built.
set(LUNA_SITE ${CMAKE_CURRENT_SOURCE_DIR}/build/web/site)
add_custom_target(web-site ALL COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/web VERBATIM)
install(DIRECTORY ${LUNA_SITE}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/web COMPONENT worker)
install(FILES ${LUNA_CONF}/redis/redis.conf DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/redis COMPONENT worker)
install(FILES ${LUNA_CONF}/postgresql/limits.sql DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/postgresql COMPONENT worker)
# Prometheus scrapes the addresses that luna-setup sets.
file(READ ${LUNA_CONF}/prometheus/prometheus.yml LUNA_PROMETHEUS)
string(REPLACE "127.0.0.1:8480" "127.0.0.1:9100" LUNA_PROMETHEUS "${LUNA_PROMETHEUS}")
string(REPLACE "127.0.0.1:8481" "127.0.0.1:9465" LUNA_PROMETHEUS "${LUNA_PROMETHEUS}")
string(REPLACE "127.0.0.1:8482" "127.0.0.1:9102" LUNA_PROMETHEUS "${LUNA_PROMETHEUS}")
string(REPLACE "scripts/up" "luna-setup" LUNA_PROMETHEUS "${LUNA_PROMETHEUS}")
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/prometheus.yml "${LUNA_PROMETHEUS}")
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/prometheus.yml ${LUNA_CONF}/prometheus/rules.yml ${LUNA_CONF}/prometheus/alerts.yml
              ${LUNA_CONF}/prometheus/blackbox.yml DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/prometheus COMPONENT worker)
install(FILES ${LUNA_CONF}/grafana/luna.json DESTINATION ${CMAKE_INSTALL_DATADIR}/luna/grafana COMPONENT worker)
install(PROGRAMS ${LUNA_CONF}/debian/luna-setup ${LUNA_CONF}/debian/luna-rotate ${LUNA_CONF}/debian/luna-backup ${LUNA_CONF}/debian/luna-restore DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT worker)
install(PROGRAMS ${LUNA_CONF}/debian/nginx-reload DESTINATION /usr/lib/luna COMPONENT worker)
install(FILES scripts/lib/operate/rotate.sh scripts/lib/operate/backup.sh scripts/lib/operate/restore.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/luna COMPONENT worker)
# Examples, not conffiles: luna-setup writes the settings, and dpkg asks about none of them.
install(FILES ${LUNA_CONF}/fcgi-worker.env.example DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/luna-worker/examples RENAME fcgi-worker.env COMPONENT worker)
install(FILES ${LUNA_CONF}/quota-syncd.env.example DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/luna-syncd/examples RENAME quota-syncd.env COMPONENT syncd)
foreach(component worker syncd)
  install(FILES ${LUNA_CONF}/logrotate/luna-${component} DESTINATION /etc/logrotate.d COMPONENT ${component})
endforeach()
# What the shells complete, from the program's own table of commands.
foreach(shell bash zsh fish)
  set(script ${CMAKE_CURRENT_BINARY_DIR}/completion/${shell})
  add_custom_command(OUTPUT ${script} COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/completion
                     COMMAND sh -c "\"$1\" completion \"$2\" > \"$3\"" sh $<TARGET_FILE:luna> ${shell} ${script}
                     DEPENDS luna VERBATIM)
  add_custom_target(completion-${shell} ALL DEPENDS ${script})
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME luna COMPONENT cli)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion/zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions RENAME _luna COMPONENT cli)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completion/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME luna.fish COMPONENT cli)
install(FILES docs/OPERATIONS.md docs/GUIDES.md docs/RUNBOOKS.md docs/SCALING.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/luna-worker COMPONENT worker)

set(LUNA_PACKAGE_worker luna-worker)
set(LUNA_PACKAGE_syncd luna-syncd)
set(LUNA_PACKAGE_cli luna-cli)
set(LUNA_PACKAGE_kalman libkalman0)
set(LUNA_PACKAGE_kalman-dev libkalman-dev)
string(TIMESTAMP LUNA_CHANGELOG_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file(${LUNA_CONF}/debian/changelog.in ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog @ONLY)
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.Debian.gz
                   COMMAND sh -c "gzip -9nc debian/changelog > debian/changelog.Debian.gz" VERBATIM
                   DEPENDS ${LUNA_CONF}/debian/changelog.in)
add_custom_target(debian-changelog ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.Debian.gz)
foreach(component worker syncd cli kalman kalman-dev)
  set(doc ${CMAKE_INSTALL_DATADIR}/doc/${LUNA_PACKAGE_${component}})
  install(FILES ${LUNA_CONF}/debian/copyright DESTINATION ${doc} COMPONENT ${component})
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.Debian.gz DESTINATION ${doc} COMPONENT ${component})
  string(TOUPPER ${component} upper)
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${LUNA_PACKAGE_${component}})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME luna)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "Luna maintainers <maintainers@luna.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL worker syncd cli kalman kalman-dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${CMAKE_CURRENT_BINARY_DIR}/libkalman)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "https://luna.invalid/")

set(CPACK_COMPONENT_WORKER_DESCRIPTION "Time-series modelling service: worker pool
 A pool of FastCGI workers behind nginx that answers with Kalman-filtered
 series, and luna-setup, which sets a whole service up on one machine.")
set(CPACK_DEBIAN_WORKER_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_WORKER_PACKAGE_DEPENDS "adduser, logrotate")
# An nginx that loads the gateway's module.
file(STRINGS /usr/share/nginx/src/debian/libnginx-mod.abisubstvars LUNA_NGINX_ABI REGEX "^nginx:abi=")
string(REPLACE "nginx:abi=" "" LUNA_NGINX_ABI "${LUNA_NGINX_ABI}")
set(CPACK_DEBIAN_WORKER_PACKAGE_RECOMMENDS "luna-syncd, luna-cli, ${LUNA_NGINX_ABI}, redis-server, postgresql, openssl")
set(CPACK_DEBIAN_WORKER_PACKAGE_CONTROL_EXTRA
    ${LUNA_CONF}/debian/worker/conffiles ${LUNA_CONF}/debian/worker/postinst ${LUNA_CONF}/debian/worker/prerm ${LUNA_CONF}/debian/worker/postrm)

set(CPACK_COMPONENT_SYNCD_DESCRIPTION "Time-series modelling service: quota daemon
 Books what Redis charged into PostgreSQL, exactly once, and keeps the audit
 log. One on each host of workers.")
set(CPACK_DEBIAN_SYNCD_PACKAGE_SECTION httpd)
set(CPACK_DEBIAN_SYNCD_PACKAGE_DEPENDS "adduser, logrotate")
set(CPACK_DEBIAN_SYNCD_PACKAGE_CONTROL_EXTRA
    ${LUNA_CONF}/debian/syncd/conffiles ${LUNA_CONF}/debian/syncd/postinst ${LUNA_CONF}/debian/syncd/prerm ${LUNA_CONF}/debian/syncd/postrm)

set(CPACK_COMPONENT_CLI_DESCRIPTION "Time-series modelling service: operator's tool
 Accounts, keys, limits, migrations, audit and health of a Luna service, and
 luna kalman, which filters a file and needs no server.")
set(CPACK_DEBIAN_CLI_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_CLI_PACKAGE_CONTROL_EXTRA ${LUNA_CONF}/debian/cli/postinst)

set(CPACK_COMPONENT_KALMAN_DESCRIPTION "Linear Gaussian state-space models
 Kalman filter, smoother, likelihood, maximum-likelihood fits and forecasts of
 structural, ARIMA and custom models, in C.")
set(CPACK_DEBIAN_KALMAN_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_KALMAN_PACKAGE_CONTROL_EXTRA ${LUNA_CONF}/debian/kalman/triggers ${CMAKE_CURRENT_BINARY_DIR}/debian/shlibs)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/debian/shlibs "libkalman 0 libkalman0 (>= ${PROJECT_VERSION})\n")

set(CPACK_COMPONENT_KALMAN-DEV_DESCRIPTION "Linear Gaussian state-space models: headers
 Headers, the static library, pkg-config and CMake files, and the manual page
 of libkalman.")
set(CPACK_DEBIAN_KALMAN-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_KALMAN-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_KALMAN-DEV_PACKAGE_DEPENDS "libkalman0 (= ${PROJECT_VERSION}-1), libnlopt-dev")
include(CPack)
