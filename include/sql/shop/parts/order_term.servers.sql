       -- When the term of an order begins, and of which kind it is: whatever belongs to the order (engravings, lines, payments,
       -- returns, disputes, invoices) has the same of both, and goes with it. For PostgreSQL and MariaDB, whose columns have
       -- types and whose sessions are in UTC.
       -- It counts from the last thing that happened around the order: a payment, an invoice or credit note, a return, the
       -- end of a dispute. While one is open: NULL, not started, and reported. A payment that never came and a return that
       -- never arrived keep nothing: such a claim lapses (art. 3:307 BW) before the term is over. A date counts as its noon,
       -- which is the same date here. (What did not happen counts as the order itself: GREATEST of a NULL is NULL on MariaDB.)
       CASE WHEN NOT EXISTS (SELECT 1 FROM disputes AS x WHERE x.order_id = o.order_id AND x.closed_at IS NULL) THEN GREATEST(
         o.ordered_at,
         COALESCE((SELECT MAX(x.paid_at) FROM payments AS x WHERE x.order_id = o.order_id), o.ordered_at),
         COALESCE((SELECT MAX(x.issued_on) + INTERVAL '12' HOUR FROM invoices AS x WHERE x.order_id = o.order_id), o.ordered_at),
         COALESCE((SELECT MAX(x.requested_at) FROM returns AS x WHERE x.order_id = o.order_id), o.ordered_at),
         COALESCE((SELECT MAX(x.received_on) + INTERVAL '12' HOUR FROM returns AS x WHERE x.order_id = o.order_id), o.ordered_at),
         COALESCE((SELECT MAX(x.closed_at) FROM disputes AS x WHERE x.order_id = o.order_id), o.ordered_at)
       ) END AS term_starts,
       -- What was handed over in the shop was delivered here. Beyond the EU, or not recorded: NULL, which takes the longest.
       CASE WHEN o.delivery_country = 'NL' OR (o.delivery_country IS NULL AND o.channel = 'store') THEN 'domestic'
            WHEN o.delivery_country IN ('AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU',
                                        'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK') THEN 'oss'
       END AS term_kind
