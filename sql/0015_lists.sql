SET LOCAL ROLE luna_owner;

-- What the lists of `luna` select by, so that a page reads its own rows alone. None of these
-- columns changes with a booking, so bookings stay HOT updates.
CREATE INDEX accounts_plan ON accounts (plan, id);
CREATE INDEX accounts_disabled ON accounts (id) WHERE disabled_at IS NOT NULL;
-- For names that start with a text, which an index in another collation than C cannot find.
CREATE INDEX accounts_name_start ON accounts (account_name varchar_pattern_ops);
-- The newest events of all accounts. The log is written in the order of time, so an index by ranges
-- of pages is enough, and costs a booking nothing that could be measured.
CREATE INDEX quota_events_at ON quota_events USING brin (at) WITH (autosummarize = on);
