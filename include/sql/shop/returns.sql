-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT r.return_id, r.order_id, o.customer_id, o.email, o.ordered_at, r.requested_at, r.reason,
       r.refund, r.received_on,
       -- part: order_term
FROM returns AS r
JOIN orders AS o ON o.order_id = r.order_id
