-- compatible-from: @LUNA_LAST_MIGRATION@
SET LOCAL ROLE luna_owner;

-- What a release may add: a column with a default, a table, a function, an argument with a default.
ALTER TABLE accounts ADD COLUMN next_release INTEGER NOT NULL DEFAULT 0;
CREATE TABLE next_release (id INTEGER PRIMARY KEY);
CREATE FUNCTION luna_next_release() RETURNS INTEGER LANGUAGE sql AS 'SELECT 1';
