-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT l.order_id, l.line_no, o.customer_id, o.email, o.ordered_at, l.product_id, l.quantity,
       l.unit_price, l.vat_rate, l.ring_size,
       -- part: order_term
FROM order_lines AS l
JOIN orders AS o ON o.order_id = l.order_id
