SELECT o.order_id, o.customer_id, o.email, o.name, o.phone, o.ordered_at, o.status, o.channel, o.total,
       o.delivery_address, o.delivery_country, o.ip, o.user_agent, o.recipient_customer_id, o.recipient_name,
       o.recipient_email, o.recipient_address, o.gift_message,
       -- part: order_term
FROM orders AS o
