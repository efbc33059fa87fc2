"""What was answered, kept and shown: completions, the usage ledger, prices, purging, and the admin pages of all that.

Writing (request path): ledger.py and completions.py append to spool.py; completions.py also sets the value in Redis.
Reading (request path): completions.find asks Redis, then lookup.py; prices.py answers from memory.
Shipping (worker): shipping.py reads the spool, rows.py makes rows, landing.py writes them. purging.py removes.
By hand: choosing.py says which completions, acts.py what is done to them; cassettes/ carries them out and in.
Shown: admin/, dashboard.py. Sealing: sealed.py names the places, resealing.py seals anew after a rotation.

Invariant: the request path writes to no database.
Invariant: nothing here imports proxy_api; an answer is opaque JSON (admin/reading.py alone looks into it, to show it).
Invariant: no prompt or answer is kept, in any store, but sealed to its place.
"""
