//! The order of the slides: their chapters, and in each the studies of its claims.

/// A text in English and in Spanish.
pub(super) type Text = [&'static str; 2];

/// A chapter of the slides.
pub(super) struct Chapter {
    pub(super) title: Text,
    pub(super) text: Text,
    pub(super) topics: &'static [Topic],
}

/// A claim of the slides, with the study that tests it.
pub(super) struct Topic {
    pub(super) study: &'static str,
    pub(super) title: Text,
    /// What it means for whoever has not seen the slides.
    pub(super) text: Text,
    /// MathML.
    pub(super) formula: &'static str,
}

pub(super) const CHAPTERS: &[Chapter] = &[
    Chapter {
        title: ["The problem: the risk is not convex", "El problema: el riesgo no es convexo"],
        text: [
            "For a convex function every local minimum is global, and gradient descent cannot go wrong. The empirical risk of a \
             neural network is not convex.",
            "En una función convexa todo mínimo local es mínimo global y el gradiente en descenso no puede fallar. El riesgo \
             empírico de una red neuronal no es convexo.",
        ],
        topics: &[Topic {
            study: "convexity",
            title: [
                "Two networks without error, and one of risk ½ between them",
                "Dos redes sin error y, entre ellas, una de riesgo ½",
            ],
            text: [
                "Two vectors of parameters describe the same function, with its two neurons exchanged. Halfway between them the \
                 network has forgotten everything.",
                "Dos vectores de parámetros describen la misma función, con sus dos neuronas intercambiadas. A medio camino entre \
                 ellos la red lo ha olvidado todo.",
            ],
            formula: include_str!("formulas/convexity.mml"),
        }],
    },
    Chapter {
        title: ["Explanation 1.1: the spin glass", "Explicación 1.1: el vidrio de espín"],
        text: [
            "The Hamiltonian of a spin glass is a random landscape whose critical points are understood: the more unstable one is, \
             the higher it lies. Under simplifying assumptions the loss of a network is such a Hamiltonian.",
            "El hamiltoniano de un vidrio de espín es un paisaje aleatorio cuyos puntos críticos se conocen bien: cuanto más \
             inestable es uno, más alto está. Bajo ciertas simplificaciones, la función de pérdida de una red es un hamiltoniano así.",
        ],
        topics: &[Topic {
            study: "spin-glass",
            title: [
                "The energy of a critical point fixes its index",
                "La energía de un punto crítico determina su índice",
            ],
            text: [
                "The index of a critical point is the number of directions that lead down: 0 at a minimum.",
                "El índice de un punto crítico es el número de direcciones en las que se desciende: 0 en un mínimo.",
            ],
            formula: include_str!("formulas/spin-glass.mml"),
        }],
    },
    Chapter {
        title: ["Explanation 1.2: paths and level sets", "Explicación 1.2: caminos y conjuntos de nivel"],
        text: [
            "The level set Ω_F(λ) holds all parameters of risk at most λ. Where it is connected for every λ, every local minimum is \
             a global one. For which networks is it connected, and up to which height?",
            "El conjunto de nivel Ω_F(λ) reúne todos los parámetros de riesgo a lo sumo λ. Si es conexo para todo λ, todo mínimo \
             local es un mínimo global. ¿Para qué redes es conexo, y hasta qué altura?",
        ],
        topics: &[
            Topic {
                study: "level-sets",
                title: [
                    "Proposition 1: connected level sets, and no bad minimum",
                    "Proposición 1: conjuntos de nivel conexos y ningún mínimo malo",
                ],
                text: [
                    "If the level set is in one piece (π₀ counts the pieces) for every λ, a strict local minimum θ* is global. A plateau \
                     is not strict, and the converse fails: isolated minima can lie at one level.",
                    "Si el conjunto de nivel tiene una sola componente (π₀ las cuenta) para todo λ, un mínimo local estricto θ* es \
                     global. Una meseta no es estricta, y el recíproco es falso: puede haber mínimos aislados en el mismo nivel.",
                ],
                formula: include_str!("formulas/level-sets.mml"),
            },
            Topic {
                study: "descent-paths",
                title: [
                    "From every point a path leads down, where it exists",
                    "Desde todo punto un camino desciende, donde existe",
                ],
                text: [
                    "A path γ on which the risk never rises, from any point to the global minimum, leaves no room for minima that are \
                     not global.",
                    "Un camino γ en el que el riesgo es no creciente, de cualquier punto al mínimo global, no deja lugar a mínimos no \
                     globales.",
                ],
                formula: include_str!("formulas/descent-paths.mml"),
            },
            Topic {
                study: "deep-linear",
                title: [
                    "Deep linear networks have connected level sets",
                    "Las redes lineales profundas tienen conjuntos de nivel conexos",
                ],
                text: [
                    "Without an activation the network is a product of matrices. The risk is still not convex, but between any two \
                     points there is an explicit path that never rises above the higher one.",
                    "Sin función de activación la red es un producto de matrices. El riesgo sigue sin ser convexo, pero entre dos \
                     puntos cualesquiera hay un camino explícito que nunca sube por encima del más alto.",
                ],
                formula: include_str!("formulas/deep-linear.mml"),
            },
            Topic {
                study: "ridge",
                title: [
                    "… but not with the regulariser ‖θ‖²",
                    "… pero no con el término de regularización ‖θ‖²",
                ],
                text: [
                    "The slides state the result with this regulariser. It is true for two layers; from three layers on, 0 is a \
                     local minimum of its own.",
                    "Las diapositivas enuncian el resultado con esta regularización. Es cierto para dos capas; a partir de tres \
                     capas, el 0 es un mínimo local aparte.",
                ],
                formula: include_str!("formulas/ridge.mml"),
            },
            Topic {
                study: "star",
                title: [
                    "Many minima are joined straight to one centre",
                    "Muchos mínimos se unen en línea recta a un centro",
                ],
                text: [
                    "Once a deep linear network is wide enough, one point sees all minima along straight lines that do not rise: a star. \
                     For other networks two straight pieces often suffice.",
                    "Si una red lineal profunda es lo bastante ancha, hay un punto que ve todos los mínimos por segmentos rectos que no \
                     suben: una estrella. Para otras redes suelen bastar dos tramos rectos.",
                ],
                formula: include_str!("formulas/star.mml"),
            },
            Topic {
                study: "relu-barrier",
                title: [
                    "With ReLU the level sets can fall apart, and the data decide",
                    "Con ReLU los conjuntos de nivel pueden romperse, y depende de los datos",
                ],
                text: [
                    "A counter-example to connected level sets with a nonlinearity: every path between two minima has to pass a level \
                     above both. With other data it does not.",
                    "Un contraejemplo a la conexidad con una no linealidad: todo camino entre dos mínimos tiene que pasar por un nivel \
                     superior a ambos. Con otros datos no ocurre.",
                ],
                formula: include_str!("formulas/relu-barrier.mml"),
            },
            Topic {
                study: "overparam-gap",
                title: [
                    "The main result: what is left above two minima falls with the width",
                    "Resultado principal: lo que queda por encima de dos mínimos decrece con la anchura",
                ],
                text: [
                    "Two minima of a two-layer ReLU network with m neurons are joined by a path that rises at most ε above them; \
                     n is the number of inputs.",
                    "Dos mínimos de una red ReLU de dos capas con m neuronas se unen por un camino que sube a lo sumo ε por encima de \
                     ellos; n es el número de entradas.",
                ],
                formula: include_str!("formulas/overparam-gap.mml"),
            },
            Topic {
                study: "single-neuron",
                title: [
                    "A single neuron can have exponentially many local minima",
                    "Una sola neurona puede tener una cantidad exponencial de mínimos locales",
                ],
                text: [
                    "Not every problem is benign: for one logistic neuron with d inputs there are data on which the number of local \
                     minima grows exponentially in d.",
                    "No todo problema es benigno: para una neurona logística con d entradas hay datos con los que el número de \
                     mínimos locales crece exponencialmente en d.",
                ],
                formula: include_str!("formulas/single-neuron.mml"),
            },
            Topic {
                study: "spurious",
                title: [
                    "Spurious minima are common, and a few more neurons remove them",
                    "Los mínimos espurios son comunes, y unas pocas neuronas más los eliminan",
                ],
                text: [
                    "A network learns another one with k neurons from Gaussian inputs. With n = k neurons descent often ends in a \
                     spurious minimum; with a few more it hardly does.",
                    "Una red aprende a otra de k neuronas a partir de entradas gaussianas. Con n = k neuronas el descenso termina a \
                     menudo en un mínimo espurio; con unas pocas más, casi nunca.",
                ],
                formula: include_str!("formulas/spurious.mml"),
            },
        ],
    },
    Chapter {
        title: [
            "Explanation 2: convergence of over-parameterised networks",
            "Explicación 2: convergencia de redes sobreparametrizadas",
        ],
        text: [
            "Networks with more parameters than examples are trained to risk 0 from almost every start. In a simple model this can \
             be proved.",
            "Las redes con más parámetros que ejemplos llegan a riesgo 0 desde casi cualquier punto inicial. En un modelo simple \
             esto se puede demostrar.",
        ],
        topics: &[
            Topic {
                study: "width",
                title: [
                    "What is observed: from some width on every run succeeds",
                    "Lo que se observa: a partir de cierta anchura todo entrenamiento llega",
                ],
                text: [
                    "Two-layer networks of many widths on real data: how many of the runs reach a low risk, and how high is what lies \
                     between their ends?",
                    "Redes de dos capas de muchas anchuras con datos reales: ¿cuántos entrenamientos alcanzan un riesgo bajo, y qué \
                     altura hay entre sus puntos finales?",
                ],
                formula: include_str!("formulas/width.mml"),
            },
            Topic {
                study: "gradient-bound",
                title: [
                    "The gradient is large wherever the risk is: the constant, and where it holds",
                    "El gradiente es grande donde el riesgo lo es: la constante y dónde vale",
                ],
                text: [
                    "With the smallest eigenvalue of the random kernel K̄ the squared gradient is at least c n/m times the risk, at the \
                     start Θ and in a neighbourhood whose radius grows with n. How large is c, and how does it depend on m?",
                    "Con el valor propio más pequeño del kernel aleatorio K̄, el cuadrado del gradiente es al menos c n/m veces el riesgo, \
                     en el punto inicial Θ y en una vecindad cuyo radio crece con n. ¿Cuánto vale c, y cómo depende de m?",
                ],
                formula: include_str!("formulas/gradient-bound.mml"),
            },
            Topic {
                study: "lazy",
                title: [
                    "What can be proved: exponential convergence, and lazy training",
                    "Lo que se puede demostrar: convergencia exponencial y entrenamiento perezoso",
                ],
                text: [
                    "The smallest eigenvalue of the random kernel K̄ grows with the number n of neurons. It bounds the gradient from \
                     below, so that the risk falls exponentially while the parameters hardly move.",
                    "El valor propio más pequeño del kernel aleatorio K̄ crece con el número n de neuronas. Acota el gradiente por \
                     debajo, de modo que el riesgo cae exponencialmente mientras los parámetros apenas se mueven.",
                ],
                formula: include_str!("formulas/lazy.mml"),
            },
        ],
    },
];

/// The chapter of studies that belong to no other.
pub(super) const MORE: Text = ["More claims", "Más afirmaciones"];
