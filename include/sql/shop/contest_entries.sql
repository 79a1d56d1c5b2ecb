SELECT entry_id, customer_id, email, contest, answer, won, entered_at
FROM contest_entries
