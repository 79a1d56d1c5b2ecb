SELECT customer_id, seq, email, valid_from, valid_to
FROM customer_emails
