SELECT o.order_id, o.customer_id, o.email, o.name, o.phone, o.ordered_at, o.status, o.channel, o.total,
       o.delivery_address, o.delivery_country, o.ip, o.user_agent, o.recipient_customer_id, o.recipient_name,
       o.recipient_email, o.recipient_address, o.gift_message,
       -- What is not finished yet: it is disputed, something comes back, it is not delivered, or not paid. What was bought
       -- in the shop itself was handed over there.
       CASE WHEN EXISTS (SELECT 1 FROM disputes AS x WHERE x.order_id = o.order_id AND x.closed_at IS NULL) THEN 'dispute'
            WHEN EXISTS (SELECT 1 FROM returns AS x WHERE x.order_id = o.order_id AND x.received_on IS NULL) THEN 'return'
            WHEN o.status = 'paid' AND o.channel <> 'store' THEN 'delivery'
            WHEN o.status <> 'cancelled'
                 AND EXISTS (SELECT 1 FROM payments AS x WHERE x.order_id = o.order_id AND x.paid_at IS NULL) THEN 'payment'
       END AS unfinished,
       -- part: order_term
FROM orders AS o
