-- Whose it is stands on the order: the buyer's number, or a guest's address.
SELECT i.invoice_no, i.order_id, o.customer_id, o.email, o.ordered_at, i.kind, i.issued_on, i.name,
       i.invoice_address, i.total, i.vat,
       -- part: order_term
FROM invoices AS i
JOIN orders AS o ON o.order_id = i.order_id
