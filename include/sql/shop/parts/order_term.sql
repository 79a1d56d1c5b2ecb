       -- When the term of an order begins, and of which kind it is: whatever belongs to the order (engravings, lines, payments,
       -- returns, disputes, invoices) has the same of both, and goes with it. For SQLite.
       -- It counts from the last thing that happened around the order: a payment, an invoice or credit note, a return, the
       -- end of a dispute. While one is open: NULL, not started, and reported. A payment that never came and a return that
       -- never arrived keep nothing: such a claim lapses (art. 3:307 BW) before the term is over. Moments are texts in UTC
       -- of two spellings, whose first 19 characters compare; a date counts as its noon, which is the same date here.
       CASE WHEN NOT EXISTS (SELECT 1 FROM disputes AS x WHERE x.order_id = o.order_id AND x.closed_at IS NULL) THEN MAX(
         substr(o.ordered_at, 1, 19) || 'Z',
         COALESCE((SELECT MAX(substr(x.paid_at, 1, 19)) || 'Z' FROM payments AS x WHERE x.order_id = o.order_id), ''),
         COALESCE((SELECT MAX(x.issued_on) || 'T12:00:00Z' FROM invoices AS x WHERE x.order_id = o.order_id), ''),
         COALESCE((SELECT MAX(substr(x.requested_at, 1, 19)) || 'Z' FROM returns AS x WHERE x.order_id = o.order_id), ''),
         COALESCE((SELECT MAX(x.received_on) || 'T12:00:00Z' FROM returns AS x WHERE x.order_id = o.order_id), ''),
         COALESCE((SELECT MAX(substr(x.closed_at, 1, 19)) || 'Z' FROM disputes AS x WHERE x.order_id = o.order_id), '')
       ) END AS term_starts,
       -- What was handed over in the shop was delivered here. Beyond the EU, or not recorded: NULL, which takes the longest.
       CASE WHEN o.delivery_country = 'NL' OR (o.delivery_country IS NULL AND o.channel = 'store') THEN 'domestic'
            WHEN o.delivery_country IN ('AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU',
                                        'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK') THEN 'oss'
       END AS term_kind
