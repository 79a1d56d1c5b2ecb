SELECT order_id, customer_id, email, name, phone, ordered_at, status, channel, total,
       delivery_address, ip, user_agent, recipient_customer_id, recipient_name, recipient_email,
       recipient_address, gift_message
FROM orders
