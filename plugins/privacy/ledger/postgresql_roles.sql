-- Roles for the database of ledger, holds and register on PostgreSQL. Run once by the owner of its tables, after the first
-- `privacy init`, and grant the roles to the accounts of the workers and of those who read the compliance views.
-- The owner's account migrates and is used for nothing else: whoever owns a table can drop its triggers.

CREATE ROLE privacy_writer NOLOGIN;
CREATE ROLE privacy_reader NOLOGIN;
CREATE ROLE privacy_stops NOLOGIN;

-- The ledger: read (the chain goes on from its last entry) and add. No UPDATE, no DELETE, no TRUNCATE.
REVOKE ALL ON ledger FROM PUBLIC;
GRANT SELECT, INSERT ON ledger TO privacy_writer;
GRANT SELECT ON privacy_alembic_version, compliance_run, compliance_event TO privacy_writer;

-- Holds, orders and register change; no row of theirs is removed. What was disclosed stays as it was recorded.
REVOKE ALL ON holds, footage_orders, request_register, disclosures, do_not_process, processing_stops FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE ON holds, footage_orders, request_register, do_not_process TO privacy_writer;
GRANT SELECT ON processing_stops TO privacy_writer;
GRANT SELECT, INSERT ON disclosures TO privacy_writer;

-- Markers of erasures and letters about the policy go when their term is over, marks of requests with what they mark;
-- notices change; versions stay.
REVOKE ALL ON erasure_markers, processor_notices, policy_versions, policy_letters, request_marks FROM PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON erasure_markers, policy_letters, request_marks TO privacy_writer;
GRANT SELECT, INSERT, UPDATE ON processor_notices TO privacy_writer;
GRANT SELECT, INSERT ON policy_versions TO privacy_writer;

-- Auditors see what was done, and nothing that is sealed.
GRANT SELECT ON ledger, compliance_run, compliance_event TO privacy_reader;

-- The shop's systems see whose data they must leave alone, and nothing else: neither a request's number nor what ended.
GRANT SELECT ON processing_stops TO privacy_stops;
