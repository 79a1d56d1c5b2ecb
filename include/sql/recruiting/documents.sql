-- part: application_terms
-- Whose it is stands on the application. One whose application is gone is nobody's, has no start, and is reported; leaving
-- it out here would hide it.
SELECT d.document_id, d.application_id, t.applicant_id, d.kind, d.file, d.received_at, t.starts AS term_starts
FROM documents AS d
LEFT JOIN terms AS t ON t.application_id = d.application_id
