-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT d.dispute_id, d.order_id, o.customer_id, o.email, o.ordered_at, d.kind, d.opened_at, d.closed_at,
       d.statement, d.outcome,
       -- part: order_term
FROM disputes AS d
JOIN orders AS o ON o.order_id = d.order_id
