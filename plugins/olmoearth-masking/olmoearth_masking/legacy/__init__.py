"""The reference's masks, bit for bit: its algorithms, its order of draws and its defects.

For runs that must repeat how the released models were trained. Samples are looped over, and where they flip a coin
together a mask depends on batch mates; in the official recipes none does. New work takes the strategies one package up.
"""

from olmoearth_masking.legacy.factory import legacy_masking as legacy_masking
