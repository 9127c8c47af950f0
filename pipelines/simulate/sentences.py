"""A small bank of made-up English sentences for tickets, replies and posts."""

QUESTIONS = (
    "My order from last week has not arrived and the tracking page shows nothing new.",
    "I was charged twice for the same month. Where does the second amount come from?",
    "The app closes by itself whenever I open the invoices.",
    "How do I change the address on my account?",
    "The export stops at page three, no matter which format I choose.",
    "I can't log in since this morning; the reset link never reaches me.",
    "The new cable does not fit the model that I have at home.",
    "Which plan do I need for a second user?",
)
CHASERS = (
    "Is there any news on this? I am still waiting.",
    "I still have the same problem as described above.",
    "Did my first message reach you?",
)
WARM_REPLIES = (
    "Hi! I'm so sorry for the trouble, and thank you for the clear description. I've corrected it and will keep an eye on it for you.",
    "Hello, thank you so much for telling us. I understand how frustrating this is. I fixed it just now, and I'm happy to help with more.",
    "Good morning! I apologise, this was our mistake. I've sent a new one today, and I'd love to know whether it arrives well.",
    "Hi, great catch, thank you! You were right, and I have put it in order. I'm here if anything else comes up.",
)
NEUTRAL_REPLIES = (
    "The setting is under Account, then Billing. It takes effect from the next month.",
    "The order left the warehouse on Tuesday and arrives on Friday.",
    "The second user needs the plan named Team. The change is made on the page Plans.",
    "The export works again with version 4.2, which was released this morning.",
)
COLD_REPLIES = (
    "As stated in the manual, this is not possible. The request is denied.",
    "You should have read the terms. This is not our responsibility.",
    "We already told you how this works. There is nothing more we can do.",
    "It is your own mistake. We do not make exceptions.",
)
BOT_ANSWERS = (
    "This is the assistant. These articles may help: Orders, Billing, Signing in.",
    "This is the assistant. I have found three articles on this subject.",
)
NOTES = (
    "Looked up the order, waiting for the warehouse.",
    "Same as the case of yesterday, see the log.",
)
MENTIONS = (
    "my parcel is late for the third time this month, what is going on?",
    "does the new version work on older phones as well?",
    "the checkout fails for me since noon, anyone else?",
)
SOCIAL_ANSWERS = (
    "We found the cause and the fix is live now.",
    "It works on phones from 2019 on; the list is on our site.",
    "The parcel leaves today, the number follows by message.",
)
POSTS = (
    "New this week: exports in half the time.",
    "Our autumn range is in the shops from Monday.",
    "Five ways to get more out of the weekly report.",
    "Behind the scenes: how we test a release.",
)
