-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT p.payment_id, p.order_id, o.customer_id, o.email, o.ordered_at, p.method, p.amount, p.iban,
       p.provider_reference, p.paid_at, p.metadata,
       -- part: order_term
FROM payments AS p
JOIN orders AS o ON o.order_id = p.order_id
