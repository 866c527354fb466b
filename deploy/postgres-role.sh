#!/bin/sh
# Make Ringmain's role, which is no superuser: superusers pass the wall between organizations.
# The image of PostgreSQL runs it once, when its volume is new.
set -eu
psql --quiet --no-psqlrc --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=password="$RINGMAIN_DB_PASSWORD" <<'SQL'
CREATE ROLE ringmain LOGIN PASSWORD :'password';
CREATE DATABASE ringmain OWNER ringmain TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
SQL
