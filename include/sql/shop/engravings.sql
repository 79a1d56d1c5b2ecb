-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT g.engraving_id, g.order_id, g.line_no, o.customer_id, o.email, o.ordered_at, g.text, g.font,
       g.drawing,
       -- part: order_term
FROM engravings AS g
JOIN orders AS o ON o.order_id = g.order_id
