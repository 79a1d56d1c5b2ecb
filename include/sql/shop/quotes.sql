SELECT quote_id, customer_id, email, requested_at, valid_until, amount, wishes, design, status
FROM quotes
