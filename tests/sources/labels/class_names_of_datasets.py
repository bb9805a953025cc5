"""Names of classes of well-known data sets, as their files write them: many recombine words, and none of them is a set."""

from typing import Final

_LISTS: Final = {
    "PlantVillage": """Apple___Apple_scab, Apple___Black_rot, Apple___Cedar_apple_rust, Apple___healthy, Blueberry___healthy,
        Corn___Common_rust, Corn___Northern_Leaf_Blight, Corn___healthy, Grape___Black_rot, Grape___healthy,
        Orange___Citrus_greening, Peach___Bacterial_spot, Peach___healthy, Pepper___Bacterial_spot, Pepper___healthy,
        Potato___Early_blight, Potato___Late_blight, Potato___healthy, Tomato___Bacterial_spot, Tomato___Early_blight,
        Tomato___Late_blight, Tomato___Leaf_Mold, Tomato___Septoria_leaf_spot, Tomato___Target_Spot, Tomato___healthy""",
    "PlantDoc": """Apple Scab Leaf, Apple leaf, Apple rust leaf, Bell_pepper leaf, Bell_pepper leaf spot, Blueberry leaf,
        Cherry leaf, Corn Gray leaf spot, Corn leaf blight, Corn rust leaf, Peach leaf, Potato leaf early blight,
        Potato leaf late blight, Raspberry leaf, Tomato Early blight leaf, Tomato Septoria leaf spot, Tomato leaf,
        Tomato leaf bacterial spot, Tomato leaf late blight, Tomato mold leaf, grape leaf, grape leaf black rot""",
    "CIFAR-100": """apple, aquarium_fish, bear, bed, bottle, bowl, bus, cup, fox, house, lawn_mower, man, maple_tree, mountain,
        oak_tree, orange, palm_tree, pear, pickup_truck, pine_tree, road, rose, sea, sweet_pepper, tank, train, willow_tree""",
    "Food-101": """apple_pie, beef_carpaccio, beef_tartare, caesar_salad, carrot_cake, cheese_plate, cheesecake, chicken_curry,
        chicken_wings, chocolate_cake, chocolate_mousse, fish_and_chips, french_fries, french_toast, fried_calamari, fried_rice,
        macaroni_and_cheese, red_velvet_cake, seaweed_salad, shrimp_and_grits, strawberry_shortcake, tuna_tartare""",
    "ImageNet": """golden retriever, Labrador retriever, flat-coated retriever, curly-coated retriever, Irish setter,
        English setter, Irish wolfhound, Irish terrier, Scottish terrier, West Highland white terrier, standard poodle,
        toy poodle, toy terrier, Siberian husky, Egyptian cat, Persian cat, tiger cat, tiger, tiger shark, sea lion, lion,
        water bottle, wine bottle, fire truck, tow truck, trailer truck, mountain bike, mountain tent, bow, bow tie""",
    "CUB-200": """Black_footed_Albatross, Laysan_Albatross, Sooty_Albatross, Yellow_headed_Blackbird, Red_winged_Blackbird,
        Yellow_billed_Cuckoo, Black_billed_Cuckoo, Black_and_white_Warbler, Black_throated_Blue_Warbler, Blue_winged_Warbler,
        Golden_winged_Warbler, Black_throated_Sparrow, White_throated_Sparrow, White_crowned_Sparrow, Red_headed_Woodpecker""",
    "flowers": "pink primrose, english marigold, sweet pea, tiger lily, fire lily, water lily, spear thistle, globe thistle",
    "cars": """Audi A5 Coupe 2012, Audi TTS Coupe 2012, Audi S4 Sedan 2012, BMW M3 Coupe 2012, BMW 3 Series Sedan 2012,
        BMW M5 Sedan 2010, BMW Z4 Convertible 2012, Audi S5 Convertible 2012, Volvo C30 Hatchback 2012""",
    "EuroSAT": "AnnualCrop, PermanentCrop, Forest, HerbaceousVegetation, Highway, Residential, River, SeaLake",
    "signs": """speed limit 20, speed limit 30, speed limit 50, speed limit 80, end of speed limit 80, no passing, no entry,
        end of no passing, turn left, turn right, keep left, keep right, go straight or left, go straight or right, stop""",
    "Fruits-360": """Apple Golden 1, Apple Golden 2, Apple Red 1, Apple Red 2, Apple Red Yellow, Banana, Banana Red, Cherry 1,
        Cherry 2, Cherry Wax Red, Cherry Wax Yellow, Grape White, Grape White 2, Pear, Pear 2, Pear Red, Pepper Green""",
    "pies": "apple, apple pie, cherry, cherry pie",
    "doors": "door, door open, window open",
    "decades": "0-10, 10-20, 20-30, 30-40, 40-50",
}
NAMES: Final = {
    **{name: [" ".join(one.split()) for one in names.split(",")] for name, names in _LISTS.items()},
    "ages": ["(0, 2)", "(4, 6)", "(8, 12)", "(15, 20)", "(25, 32)"],
    "clothes": [f"{color} {thing}" for color in ("red", "blue", "black") for thing in ("dress", "shirt", "jeans")],
    "cards": [f"{rank} of {suit}" for rank in ("ace", "two", "three") for suit in ("clubs", "hearts", "spades")],
}
